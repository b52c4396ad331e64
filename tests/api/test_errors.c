/* test_errors.c — status names and texts, and docs/ERRORS.md against the table that they come from. */
#include "support/api_fixture.h"

typedef struct status_row {
    int value, exit_code;
    const char *name, *text;
} status_row;
static const status_row rows[] = {
#define SB_STATUS(name, value, class, text) {value, class, "SOMBRA_" #name, text},
#include "base/status.def"
#undef SB_STATUS
};
#define ROWS (sizeof rows / sizeof *rows)

static void test_api_errors__texts(void **state)
{
    (void)state;
    assert_int_equal(ROWS, 24);
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(rows[i].value, -(int)i);
        assert_string_equal(sombra_status_name((sombra_status)rows[i].value), rows[i].name);
        assert_string_equal(sombra_status_text((sombra_status)rows[i].value), rows[i].text);
    }
    assert_non_null(sombra_status_name((sombra_status)-4711));
    assert_non_null(sombra_status_text((sombra_status)4711));
}

static void test_api_errors__documented(void **state)
{
    char line[1024];
    size_t at = 0;
    FILE *file = fopen(SOMBRA_SOURCE_DIR "/docs/ERRORS.md", "r");
    (void)state;

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char wanted[256];
        if (strncmp(line, "| `SOMBRA_", 10) != 0) continue;
        assert_true(at < ROWS);
        (void)snprintf(wanted, sizeof wanted, "| `%s` | %d | %d | %s | ", rows[at].name,
                       rows[at].value, rows[at].exit_code, rows[at].text);
        line[strlen(wanted)] = '\0';
        assert_string_equal(line, wanted);
        at++;
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(at, ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_errors__texts),
        cmocka_unit_test(test_api_errors__documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
