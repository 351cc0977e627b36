// SPDX-License-Identifier: MIT OR Apache-2.0
/* The parameters of a module: those that cannot be are refused, and a number of slots is kept to. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "params.h"
#include "programs.h"

#define MODULE "kfunc_example"

/* What the kernel log says of these is in verdict.rs. */
static const char *const refused[] = {
	"way=both", "way=", "way", "slots=0", "slots=-1", "slots=many", "slots=17",
};

static void test_refused(void)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		int error = insmod("/" MODULE ".ko", refused[i]);

		check(error == -EINVAL, refused[i], "insmod gave %d", error);
		if (!error)
			rmmod_patiently(MODULE);
	}
}

/* As many programs as there are slots, no more; and another one when one has gone. */
static void test_two_slots(void)
{
	double deadline = seconds() + PATIENCE_SECONDS;
	struct program one, other, third;
	int error;

	if (load(&one, "/programs.bpf.o", "self_id") || load(&other, "/programs.bpf.o", "self_id")) {
		check(false, "two programs have a slot each", "%s", last_words());
		return;
	}
	check(run(&one, 0) == one.id && run(&other, 0) == other.id, "two programs with two slots", "other ids");
	error = load(&third, "/programs.bpf.o", "self_id");
	check(error == -EACCES, "a third is refused", "%d", error);
	unload(&one);
	while ((error = load(&third, "/programs.bpf.o", "self_id")) == -EACCES && seconds() < deadline)
		usleep(20000);
	check(!error, "a third has the slot of the first", "%d", error);
	unload(&other);
	unload(&third);
}

static void test_taken(const char *options)
{
	int error = insmod("/" MODULE ".ko", options);

	check(!error, options, "%s", strerror(-error));
	if (error)
		return;
	if (!strcmp(options, "way=bound slots=2"))
		test_two_slots();
	error = rmmod_patiently(MODULE);
	check(!error, "rmmod", "%s", strerror(-error));
}

void test_params(void)
{
	test_refused();
	test_taken("way=auto");
	test_taken("slots=16");
	test_taken("way=bound slots=2");
}
