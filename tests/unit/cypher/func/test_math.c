/* test_math.c — functions of numbers: exact results at chosen places, limits, NaN and infinities, wrong types. */
#include "func_fixture.h"

static void test_cypher_func_math__whole_numbers(void **state)
{
    static const fixture_case cases[] = {
        {"abs(-5)", "5"},
        {"abs(-2.5)", "2.5"},
        {"abs(-9223372036854775807)", "9223372036854775807"},
        {"abs(-9223372036854775808)", OVERFLOW_ERROR},
        {"abs('a')", VALUE_ERROR},
        {"abs(null)", "null"},
        {"sign(-3)", "-1"},
        {"sign(0)", "0"},
        {"sign(2.5)", "1"},
        {"sign(NaN)", "0"},
        {"ceil(1.1)", "2.0"},
        {"ceil(-1.1)", "-1.0"},
        {"ceil(3)", "3.0"},
        {"floor(1.9)", "1.0"},
        {"floor(-1.1)", "-2.0"},
        {"isNaN(NaN)", "true"},
        {"isNaN(1)", "false"},
        {"isNaN('a')", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_math__rounding(void **state)
{
    static const fixture_case cases[] = {
        {"round(1.5)", "2.0"},
        {"round(-1.5)", "-1.0"},
        {"round(-1.6)", "-2.0"},
        {"round(0.49999999999999994)", "0.0"},
        {"round(3)", "3.0"},
        {"round(9007199254740993.0)", "9.007199254740992E15"},
        {"round(NaN)", "0.0 / 0.0"},
        {"round(Infinity)", "1.0 / 0.0"},
        {"round(2.675, 2)", "2.68"},
        {"round(1.005, 2)", "1.01"},
        {"round(-1.55, 1)", "-1.6"},
        {"round(9.99, 1)", "10.0"},
        {"round(99.5, 0)", "100.0"},
        {"round(-1.5, 0)", "-1.0"},
        {"round(-2.5, 0)", "-2.0"},
        {"round(-2.5, 0, 'HALF_UP')", "-3.0"},
        {"round(0.04, 1)", "0.0"},
        {"round(0.05, 1)", "0.1"},
        {"round(-0.04, 1)", "-0.0"},
        {"round(0.0004, 1)", "0.0"},
        {"round(0.9, -1)", "0.0"},
        {"round(5.0, -1)", "10.0"},
        {"round(1249.0, -2)", "1200.0"},
        {"round(1250.0, -2)", "1300.0"},
        {"round(1e300, 2)", "1.0E300"},
        {"round(1.23456789, 20)", "1.23456789"},
        {"round(1.249, 1)", "1.2"},
        {"round(1.25, 1, 'HALF_UP')", "1.3"},
        {"round(1.25, 1, 'HALF_DOWN')", "1.2"},
        {"round(1.251, 1, 'HALF_DOWN')", "1.3"},
        {"round(1.25, 1, 'HALF_EVEN')", "1.2"},
        {"round(1.35, 1, 'half_even')", "1.4"},
        {"round(0.5, 0, 'HALF_EVEN')", "0.0"},
        {"round(1.21, 1, 'UP')", "1.3"},
        {"round(1.29, 1, 'DOWN')", "1.2"},
        {"round(-1.21, 1, 'CEILING')", "-1.2"},
        {"round(1.21, 1, 'CEILING')", "1.3"},
        {"round(-1.21, 1, 'FLOOR')", "-1.3"},
        {"round(0.001, 1, 'UP')", "0.1"},
        {"round(0.0, 1, 'UP')", "0.0"},
        {"round(1.2, 1, 'SIDEWAYS')", VALUE_ERROR},
        {"round(1.2, 1.5)", VALUE_ERROR},
        {"round(1.2, 1, 2)", VALUE_ERROR},
        {"round(1.2, 401)", RANGE_ERROR},
        {"round(1.2, null)", "null"},
        {"round('a')", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_math__reals(void **state)
{
    static const fixture_case cases[] = {
        {"exp(0)", "1.0"},
        {"log(1)", "0.0"},
        {"log(0)", "-1.0 / 0.0"},
        {"log(-1)", "0.0 / 0.0"},
        {"log10(1000)", "3.0"},
        {"sqrt(256)", "16.0"},
        {"sqrt(-1)", "0.0 / 0.0"},
        {"sin(0)", "0.0"},
        {"cos(0)", "1.0"},
        {"tan(0)", "0.0"},
        {"cot(0)", "1.0 / 0.0"},
        {"asin(0)", "0.0"},
        {"acos(1)", "0.0"},
        {"atan(0)", "0.0"},
        {"atan2(0, 1)", "0.0"},
        {"atan2(1, 'a')", VALUE_ERROR},
        {"atan2('a', 1)", VALUE_ERROR},
        {"sinh(0)", "0.0"},
        {"cosh(0)", "1.0"},
        {"tanh(0)", "0.0"},
        {"coth(0)", "1.0 / 0.0"},
        {"haversin(0)", "0.0"},
        {"degrees(pi())", "180.0"},
        {"radians(180) = pi()", "true"},
        {"pi()", "3.141592653589793"},
        {"e()", "2.718281828459045"},
        {"log(e())", "1.0"},
        {"sqrt(null)", "null"},
        {"sqrt('4')", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_math__lack_of_memory(void **state)
{
    static const char *const expressions[] = {
        "randomUUID()",
        "round(2.675, 2)",
    };

    (void)state;
    fixture_starve(expressions, sizeof expressions / sizeof expressions[0]);
}

static void test_cypher_func_math__chance(void **state)
{
    func_fixture f;
    double sum = 0.0;
    char seen[40] = "";

    (void)state;
    fixture_open(&f);
    for (int i = 0; i < 10000; i++) {
        const sb_val v = fixture_eval(&f, "rand()");
        assert_true(v.kind == SB_VAL_FLOAT && v.as.real >= 0.0 && v.as.real < 1.0);
        sum += v.as.real;
    }
    assert_true(sum > 4700.0 && sum < 5300.0);
    for (int i = 0; i < 100; i++) {
        const sb_val v = fixture_eval(&f, "randomUUID()");
        assert_int_equal(v.aux, 36);
        assert_int_equal(v.as.text[14], '4');
        assert_non_null(strchr("89ab", v.as.text[19]));
        assert_memory_not_equal(v.as.text, seen, 36);
        memcpy(seen, v.as.text, 36);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_func_math__whole_numbers), TEST(test_cypher_func_math__rounding),
        TEST(test_cypher_func_math__reals),         TEST(test_cypher_func_math__lack_of_memory),
        TEST(test_cypher_func_math__chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
