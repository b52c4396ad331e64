/* unit.h — cmocka with the standard headers that it wants before it, and the seed of random tests. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/seed.h"

#define TEST(name) cmocka_unit_test(name)

#endif
