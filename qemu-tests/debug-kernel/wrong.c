// SPDX-License-Identifier: GPL-2.0-only
/* Does what a debug kernel must report: one thing for each of those that look, the worst last. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

/* Bytes. More than any slab has: what is taken from a sheaf of small objects is still in its array (mm/slub.c). */
#define LEAKED 32768
#define LEAKS 10	/* what is left of some on a stack may hide them */
#define SHORT 8

static DEFINE_SPINLOCK(spin);
static DEFINE_MUTEX(outer);
static DEFINE_MUTEX(inner);
static int width = 32;
/* What is read must be used, and is not known when this is compiled. */
static int seen;

/* DEBUG_ATOMIC_SLEEP */
static void sleep_under_a_spinlock(void)
{
	spin_lock(&spin);
	might_sleep();
	spin_unlock(&spin);
}

static void lock_both(struct mutex *first, struct mutex *second)
{
	mutex_lock(first);
	mutex_lock(second);
	mutex_unlock(second);
	mutex_unlock(first);
}

/* lockdep: both orders, though never at once. */
static void lock_in_both_orders(void)
{
	lock_both(&outer, &inner);
	lock_both(&inner, &outer);
}

/* kmemleak */
static void leak(void)
{
	for (int i = 0; i < LEAKS; i++) {
		void *object = kmalloc(LEAKED, GFP_KERNEL);

		OPTIMIZER_HIDE_VAR(object);
	}
}

/* UBSAN */
static void shift_too_far(void)
{
	OPTIMIZER_HIDE_VAR(width);
	seen += 1 << width;
}

/* KASAN. After it the kernel trusts lockdep no longer. */
static void read_behind_an_object(void)
{
	char *object = kmalloc(SHORT, GFP_KERNEL);
	int at = SHORT;

	if (!object)
		return;
	OPTIMIZER_HIDE_VAR(at);
	seen += ((volatile char *)object)[at];
	kfree(object);
}

static int __init wrong_init(void)
{
	lock_in_both_orders();
	sleep_under_a_spinlock();
	leak();
	shift_too_far();
	read_behind_an_object();
	return 0;
}

static void __exit wrong_exit(void)
{
}

module_init(wrong_init);
module_exit(wrong_exit);
MODULE_DESCRIPTION("Mistakes that a debug kernel must report");
MODULE_LICENSE("GPL");
