// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Two functions that Debian 13's libelf.a calls and does not contain: they belong to a part of elfutils that is
 * only in its shared library. They set up and tear down the search tree of elf_getdata_rawchunk(), which libbpf
 * does not use, so an empty tree is all that is needed.
 */
void eu_search_tree_init(void *tree, int (*compare)(const void *, const void *));
void eu_search_tree_fini(void *tree, void (*free_node)(void *));

void eu_search_tree_init(void *tree, int (*compare)(const void *, const void *))
{
	(void)tree;
	(void)compare;
}

void eu_search_tree_fini(void *tree, void (*free_node)(void *))
{
	(void)tree;
	(void)free_node;
}
