/* test_point.c — points: coordinates and systems, components, distances. */
#include "func_fixture.h"

static void test_cypher_func_point__making(void **state)
{
    static const fixture_case cases[] = {
        {"point({x: 1, y: 2})", "point({srid: 7203, x: 1.0, y: 2.0})"},
        {"point({x: 1, y: 2, z: 3})", "point({srid: 9157, x: 1.0, y: 2.0, z: 3.0})"},
        {"point({longitude: 1, latitude: 2})",
         "point({srid: 4326, longitude: 1.0, latitude: 2.0})"},
        {"point({longitude: 1, latitude: 2, height: 3})",
         "point({srid: 4979, longitude: 1.0, latitude: 2.0, height: 3.0})"},
        {"point({x: 1, y: 2, crs: 'WGS-84'})",
         "point({srid: 4326, longitude: 1.0, latitude: 2.0})"},
        {"point({x: 1, y: 2, z: 3, crs: 'cartesian-3D'})",
         "point({srid: 9157, x: 1.0, y: 2.0, z: 3.0})"},
        {"point({x: 1, y: 2, srid: 7203})", "point({srid: 7203, x: 1.0, y: 2.0})"},
        {"point({x: 1, y: null})", "null"},
        {"point(null)", "null"},
        {"point(point({x: 1, y: 2}))", "point({srid: 7203, x: 1.0, y: 2.0})"},
        {"point({longitude: 190, latitude: 0}).x", "-170.0"},
        {"point({longitude: 1, latitude: 90.5})", VALUE_ERROR},
        {"point({x: 1})", VALUE_ERROR},
        {"point({})", VALUE_ERROR},
        {"point({x: 1, y: 'a'})", VALUE_ERROR},
        {"point({x: 1, y: Infinity})", VALUE_ERROR},
        {"point({x: 1, y: 2, z: 3, srid: 7203})", VALUE_ERROR},
        {"point({x: 1, y: 2, srid: 4979})", VALUE_ERROR},
        {"point({x: 1, y: 2, srid: 1})", VALUE_ERROR},
        {"point({x: 1, y: 2, srid: '7203'})", VALUE_ERROR},
        {"point({x: 1, y: 2, crs: 'flat'})", VALUE_ERROR},
        {"point({x: 1, y: 2, crs: 1})", VALUE_ERROR},
        {"point({x: 1, y: 2, crs: 'cartesian', srid: 4326})", VALUE_ERROR},
        {"point({x: 1, y: 2, longitude: 3})", VALUE_ERROR},
        {"point({longitude: 1, latitude: 2, crs: 'cartesian'})", VALUE_ERROR},
        {"point({x: 1, y: 2, w: 3})", VALUE_ERROR},
        {"point(1)", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_point__components(void **state)
{
    static const fixture_case cases[] = {
        {"point({x: 1, y: 2}).x", "1.0"},
        {"point({x: 1, y: 2}).y", "2.0"},
        {"point({x: 1, y: 2, z: 3}).z", "3.0"},
        {"point({x: 1, y: 2}).srid", "7203"},
        {"point({x: 1, y: 2}).crs", "'cartesian'"},
        {"point({longitude: 1, latitude: 2, height: 3}).height", "3.0"},
        {"point({longitude: 1, latitude: 2}).latitude", "2.0"},
        {"point({longitude: 1, latitude: 2}).longitude", "1.0"},
        {"point({longitude: 1, latitude: 2}).crs", "'wgs-84'"},
        {"point({x: 1, y: 2}).z", VALUE_ERROR},
        {"point({x: 1, y: 2}).latitude", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_point__distances(void **state)
{
    static const fixture_case cases[] = {
        {"point.distance(point({x: 0, y: 0}), point({x: 3, y: 4}))", "5.0"},
        {"distance(point({x: 0, y: 0, z: 0}), point({x: 2, y: 3, z: 6}))", "7.0"},
        {"point.distance(point({x: 0, y: 0}), point({longitude: 0, latitude: 0}))", "null"},
        {"point.distance(point({x: 0, y: 0}), null)", "null"},
        {"point.distance(point({x: 0, y: 0}), 1)", VALUE_ERROR},
        {"round(point.distance(point({longitude: 12.78, latitude: 56.7}), point({longitude: 12.79, "
         "latitude: 56.71})))",
         "1270.0"},
        {"round(point.distance(point({longitude: 0, latitude: 0}), point({longitude: 180, "
         "latitude: 0})) / 1000)",
         "20038.0"},
        {"round(point.distance(point({longitude: 0, latitude: 90}), point({longitude: 77, "
         "latitude: -90})) / 1000)",
         "20038.0"},
        {"point.distance(point({longitude: 5, latitude: 5, height: 0}), point({longitude: 5, "
         "latitude: 5, height: 7}))",
         "7.0"},
        {"point.withinBBox(point({x: 1, y: 1}), point({x: 0, y: 0}), point({x: 2, y: 2}))", "true"},
        {"point.withinBBox(point({x: 3, y: 1}), point({x: 0, y: 0}), point({x: 2, y: 2}))",
         "false"},
        {"point.withinBBox(point({x: 1, y: 1, z: 5}), point({x: 0, y: 0, z: 0}), point({x: 2, y: "
         "2, z: 2}))",
         "false"},
        {"point.withinBBox(point({longitude: 179, latitude: 0}), point({longitude: 170, latitude: "
         "-1}), point({longitude: -170, latitude: 1}))",
         "true"},
        {"point.withinBBox(point({longitude: 0, latitude: 0}), point({longitude: 170, latitude: "
         "-1}), point({longitude: -170, latitude: 1}))",
         "false"},
        {"point.withinBBox(point({x: 1, y: 1}), point({longitude: 0, latitude: 0}), point({x: 2, "
         "y: 2}))",
         "null"},
        {"point.withinBBox(1, point({x: 0, y: 0}), point({x: 2, y: 2}))", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_point__lack_of_memory(void **state)
{
    static const char *const expressions[] = {
        "point({x: 1, y: 2})",
    };

    (void)state;
    fixture_starve(expressions, sizeof expressions / sizeof expressions[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_func_point__making),
        TEST(test_cypher_func_point__components),
        TEST(test_cypher_func_point__distances),
        TEST(test_cypher_func_point__lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
