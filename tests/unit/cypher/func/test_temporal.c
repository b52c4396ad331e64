/* test_temporal.c — dates, times, durations: constructors, components, truncation, arithmetic. The clock stands at 2023-11-14T22:13:20.123456789Z. */
#include "func_fixture.h"

static void test_cypher_func_temporal__clocks(void **state)
{
    static const fixture_case cases[] = {
        {"date()", "date('2023-11-14')"},
        {"localtime()", "localtime('22:13:20.123456789')"},
        {"time()", "time('22:13:20.123456789Z')"},
        {"localdatetime()", "localdatetime('2023-11-14T22:13:20.123456789')"},
        {"datetime()", "datetime('2023-11-14T22:13:20.123456789Z')"},
        {"datetime.statement()", "datetime('2023-11-14T22:13:20.123456789Z')"},
        {"datetime.transaction()", "datetime('2023-11-14T22:13:19Z')"},
        {"datetime.realtime()", "datetime('2023-11-14T22:13:22.000000005Z')"},
        {"date.realtime('+02:00')", "date('2023-11-15')"},
        {"time.transaction('Asia/Tokyo')", "time('07:13:19+09:00')"},
        {"localtime.statement('Asia/Tokyo')", "localtime('07:13:20.123456789')"},
        {"localdatetime.realtime('-01:00')", "localdatetime('2023-11-14T21:13:22.000000005')"},
        {"datetime.realtime('America/New_York')",
         "datetime('2023-11-14T17:13:22.000000005-05:00[America/New_York]')"},
        {"date({timezone: 'Asia/Tokyo'})", "date('2023-11-15')"},
        {"datetime.realtime('Nowhere/At_All')", VALUE_ERROR},
        {"datetime.realtime(1)", VALUE_ERROR},
        {"date.transaction(null)", "null"},
        {"timestamp()", "1700000000123"},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__dates_from_text(void **state)
{
    static const fixture_case cases[] = {
        {"date('2015-07-21')", "date('2015-07-21')"},
        {"date('20150721')", "date('2015-07-21')"},
        {"date('2015-07')", "date('2015-07-01')"},
        {"date('201507')", "date('2015-07-01')"},
        {"date('2015-W30-2')", "date('2015-07-21')"},
        {"date('2015W302')", "date('2015-07-21')"},
        {"date('2015-W30')", "date('2015-07-20')"},
        {"date('2015-202')", "date('2015-07-21')"},
        {"date('2015202')", "date('2015-07-21')"},
        {"date('2015')", "date('2015-01-01')"},
        {"date('-0044-03-15')", "date('-0044-03-15')"},
        {"date('+999999999-12-31')", "date('+999999999-12-31')"},
        {"date('-999999999-01-01')", "date('-999999999-01-01')"},
        {"date('+1000000000-01-01')", VALUE_ERROR},
        {"date('2015-02-29')", VALUE_ERROR},
        {"date('2016-02-29')", "date('2016-02-29')"},
        {"date('2015-13-01')", VALUE_ERROR},
        {"date('2015-W54-1')", VALUE_ERROR},
        {"date('2015-366')", VALUE_ERROR},
        {"date('')", VALUE_ERROR},
        {"date('x')", VALUE_ERROR},
        {"date('2015-07-21T10:00')", VALUE_ERROR},
        {"date(1)", VALUE_ERROR},
        {"date(null)", "null"},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__times_from_text(void **state)
{
    static const fixture_case cases[] = {
        {"localtime('21:40:32.142')", "localtime('21:40:32.142')"},
        {"localtime('214032.142')", "localtime('21:40:32.142')"},
        {"localtime('21')", "localtime('21:00')"},
        {"localtime('00:00:00.000000001')", "localtime('00:00:00.000000001')"},
        {"localtime('24:00')", VALUE_ERROR},
        {"localtime('21:60')", VALUE_ERROR},
        {"localtime('21:40Z')", VALUE_ERROR},
        {"localtime('21:40:32.1234567891')", VALUE_ERROR},
        {"time('21:40:32.142+0100')", "time('21:40:32.142+01:00')"},
        {"time('2140-00:00')", "time('21:40Z')"},
        {"time('22+18:00')", "time('22:00+18:00')"},
        {"time('22+18:01')", VALUE_ERROR},
        {"time('22:00')", "time('22:00Z')"},
        {"time('12:34:56+02:05:59')", "time('12:34:56+02:05:59')"},
        {"time('22:00[Europe/Berlin]')", VALUE_ERROR},
        {"time('22:00Europe/Berlin')", VALUE_ERROR},
        {"time('')", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__datetimes_from_text(void **state)
{
    static const fixture_case cases[] = {
        {"localdatetime('2015-W30-2T214032.142')", "localdatetime('2015-07-21T21:40:32.142')"},
        {"localdatetime('2015T214032')", "localdatetime('2015-01-01T21:40:32')"},
        {"localdatetime('2015-07-21')", "localdatetime('2015-07-21T00:00')"},
        {"localdatetime('2015-07-21T')", VALUE_ERROR},
        {"localdatetime('2015-07-21T10:00Z')", VALUE_ERROR},
        {"localdatetime('T10:00')", VALUE_ERROR},
        {"datetime('2015-07-21T21:40:32.142+0100')", "datetime('2015-07-21T21:40:32.142+01:00')"},
        {"datetime('20150721T21:40-01:30')", "datetime('2015-07-21T21:40-01:30')"},
        {"datetime('2015-07-21T21:40')", "datetime('2015-07-21T21:40Z')"},
        {"datetime('2015-07-21T21:40:32.142[Europe/London]')",
         "datetime('2015-07-21T21:40:32.142+01:00[Europe/London]')"},
        {"datetime('2015-07-21T21:40:32.142-04[America/New_York]')",
         "datetime('2015-07-21T21:40:32.142-04:00[America/New_York]')"},
        {"datetime('2015-07-21T21:40+01:00[+01:00]')", "datetime('2015-07-21T21:40+01:00')"},
        {"datetime('2015-07-21T21:40+01:00[+02:00]')", VALUE_ERROR},
        {"datetime('2015-07-21T21:40+03:00[Europe/Berlin]')", VALUE_ERROR},
        {"datetime('2015-07-21T21:40[Europe/Berlin')", VALUE_ERROR},
        {"datetime('2015-07-21T21:40[]')", VALUE_ERROR},
        {"datetime('2015-07-21T21:40[No/Such_Zone]')", VALUE_ERROR},
        {"datetime('2015-07-21T21:40[../zoneinfo/UTC]')", VALUE_ERROR},
        {"datetime('2015-07-21T21:40[/usr/share/zoneinfo/UTC]')", VALUE_ERROR},
        {"datetime('2015-07-21T21:40Europe/Berlin')", VALUE_ERROR},
        {"datetime('2015-07-21T21:40Europe/Berlin[UTC]')", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__durations_from_text(void **state)
{
    static const fixture_case cases[] = {
        {"duration('P14DT16H12M')", "duration('P14DT16H12M')"},
        {"duration('P5M1.5D')", "duration('P5M1DT12H')"},
        {"duration('P0.75M')", "duration('P22DT19H51M49.5S')"},
        {"duration('PT0.75M')", "duration('PT45S')"},
        {"duration('P2.5W')", "duration('P17DT12H')"},
        {"duration('P12Y5M14DT16H12M70S')", "duration('P12Y5M14DT16H13M10S')"},
        {"duration('P2012-02-02T14:37:21.545')", "duration('P2012Y2M2DT14H37M21.545S')"},
        {"duration('P20120202T143721')", "duration('P2012Y2M2DT14H37M21S')"},
        {"duration('P2012-02-02')", "duration('P2012Y2M2D')"},
        {"duration('P2012-13-02')", VALUE_ERROR},
        {"duration('P1Y')", "duration('P1Y')"},
        {"duration('p1y2m3w4dt5h6m7s')", "duration('P1Y2M25DT5H6M7S')"},
        {"duration('-pt1h')", "duration('PT-1H')"},
        {"duration('p2012-02-02t14:37')", "duration('P2012Y2M2DT14H37M')"},
        {"date('2015-Q3-1')", "date('2015-07-01')"},
        {"date('2015Q31')", "date('2015-07-01')"},
        {"date('2015-Q4-92')", "date('2015-12-31')"},
        {"date('2015Q492')", "date('2015-12-31')"},
        {"date('2015-Q2')", "date('2015-04-01')"},
        {"date('2015Q2')", "date('2015-04-01')"},
        {"date('-2015-Q2-1')", "date('-2015-04-01')"},
        {"date('2015-Q4-93')", VALUE_ERROR},
        {"date('2015-Q0-1')", VALUE_ERROR},
        {"date('2015-Q5')", VALUE_ERROR},
        {"date('2015-Q1-0')", VALUE_ERROR},
        {"date('2015-Q1-')", VALUE_ERROR},
        {"date('2015-Q11')", VALUE_ERROR},
        {"date('2015-Q1-123')", VALUE_ERROR},
        {"datetime('2015-Q3-2T10:30Z')", "datetime('2015-07-02T10:30Z')"},
        {"time('T10:30')", "time('10:30Z')"},
        {"time('t10:30+01:00')", "time('10:30+01:00')"},
        {"localtime('T10')", "localtime('10:00')"},
        {"time('T')", VALUE_ERROR},
        {"localtime('TT10')", VALUE_ERROR},
        {"duration('PT0S')", "duration('PT0S')"},
        {"duration('P-1Y2M')", "duration('P-10M')"},
        {"duration('-P1Y2M3DT4H5M6.7S')", "duration('P-1Y-2M-3DT-4H-5M-6.7S')"},
        {"duration('-P-1Y')", "duration('P1Y')"},
        {"duration('PT-0.5S')", "duration('PT-0.5S')"},
        {"duration('PT1,5S')", "duration('PT1.5S')"},
        {"duration('PT0.123456789S')", "duration('PT0.123456789S')"},
        {"duration('PT0.1234567899999999999999S')", "duration('PT0.12345679S')"},
        {"duration('P9223372036854775807M')", "duration('P768614336404564650Y7M')"},
        {"duration('P9223372036854775807Y')", OVERFLOW_ERROR},
        {"duration('P99999999999999999999D')", VALUE_ERROR},
        {"duration('P')", VALUE_ERROR},
        {"duration('PT')", VALUE_ERROR},
        {"duration('P1DT')", VALUE_ERROR},
        {"duration('P1')", VALUE_ERROR},
        {"duration('P1S')", VALUE_ERROR},
        {"duration('PT1D')", VALUE_ERROR},
        {"duration('P1D1Y')", VALUE_ERROR},
        {"duration('P1Y1Y')", VALUE_ERROR},
        {"duration('P1.D')", VALUE_ERROR},
        {"duration('1Y')", VALUE_ERROR},
        {"duration('')", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__dates_from_maps(void **state)
{
    static const fixture_case cases[] = {
        {"date({year: 1984, month: 10, day: 11})", "date('1984-10-11')"},
        {"date({year: 1984})", "date('1984-01-01')"},
        {"date({year: 1984, week: 10, dayOfWeek: 3})", "date('1984-03-07')"},
        {"date({year: 1818, week: 53})", "date('1818-12-28')"},
        {"date({year: 1817, week: 53})", VALUE_ERROR},
        {"date({year: 1984, ordinalDay: 202})", "date('1984-07-20')"},
        {"date({year: 1984, ordinalDay: 366})", "date('1984-12-31')"},
        {"date({year: 1983, ordinalDay: 366})", VALUE_ERROR},
        {"date({year: 1984, quarter: 3, dayOfQuarter: 45})", "date('1984-08-14')"},
        {"date({year: 1984, quarter: 4, dayOfQuarter: 92})", "date('1984-12-31')"},
        {"date({year: 1984, quarter: 4, dayOfQuarter: 93})", VALUE_ERROR},
        {"date({year: 1984, quarter: 5})", VALUE_ERROR},
        {"date({year: 1984, month: 13})", VALUE_ERROR},
        {"date({year: 1984, month: 2, day: 30})", VALUE_ERROR},
        {"date({year: 1984, day: 5})", VALUE_ERROR},
        {"date({year: 1984, month: 2, week: 3})", VALUE_ERROR},
        {"date({month: 2})", VALUE_ERROR},
        {"date({year: 1000000000})", VALUE_ERROR},
        {"date({year: -999999999})", "date('-999999999-01-01')"},
        {"date({year: '1984'})", VALUE_ERROR},
        {"date({year: 1984, hour: 1})", VALUE_ERROR},
        {"date({year: 1984, timezone: 'Z'})", VALUE_ERROR},
        {"date({year: 1984, nonsense: 1})", VALUE_ERROR},
        {"date({})", VALUE_ERROR},
        {"date({date: date('1984-11-11'), quarter: 3})", "date('1984-08-11')"},
        {"date({date: date('2020-12-31'), quarter: 1})", "date('2020-03-31')"},
        {"date({date: date('2021-10-01'), quarter: 1})", "date('2021-01-01')"},
        {"date({date: date('2020-12-31'), quarter: 1, dayOfQuarter: 92})", VALUE_ERROR},
        {"date({date: date('1984-11-11'), week: 1})", "date('1984-01-08')"},
        {"date({date: date('1984-11-11'), year: 28})", "date('0028-11-11')"},
        {"date({date: date('1984-11-11'), ordinalDay: 28})", "date('1984-01-28')"},
        {"date({date: date('1816-12-31'), week: 2})", "date('1817-01-07')"},
        {"date({date: date('2020-01-31'), month: 2})", "date('2020-02-29')"},
        {"date({date: localtime('10:00')})", VALUE_ERROR},
        {"date({date: 1})", VALUE_ERROR},
        {"date({datetime: localdatetime('2020-01-31T10:00')})", "date('2020-01-31')"},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__times_from_maps(void **state)
{
    static const fixture_case cases[] = {
        {"localtime({hour: 12, minute: 31, second: 14, nanosecond: 789, millisecond: 123, "
         "microsecond: 456})",
         "localtime('12:31:14.123456789')"},
        {"localtime({hour: 12, minute: 31, second: 14, microsecond: 645876})",
         "localtime('12:31:14.645876')"},
        {"localtime({hour: 12})", "localtime('12:00')"},
        {"localtime({hour: 12, second: 3})", VALUE_ERROR},
        {"localtime({minute: 3})", VALUE_ERROR},
        {"time({hour: 12, minute: 3, microsecond: 1})", VALUE_ERROR},
        {"localdatetime({date: date('2020-01-01'), minute: 3})", VALUE_ERROR},
        {"localdatetime({datetime: localdatetime('2020-01-01T12:31'), second: 3})",
         "localdatetime('2020-01-01T12:31:03')"},
        {"localtime({hour: 24})", VALUE_ERROR},
        {"localtime({hour: -1})", VALUE_ERROR},
        {"localtime({hour: 1, minute: 0, second: 0, millisecond: 1000})", VALUE_ERROR},
        {"localtime({hour: 1, minute: 0, second: 0, millisecond: 1, microsecond: 1000})",
         VALUE_ERROR},
        {"localtime({hour: 1, minute: 0, second: 0, microsecond: 1, nanosecond: 1000})",
         VALUE_ERROR},
        {"localtime({hour: 1, minute: 0, second: 0, nanosecond: 1000000000})", VALUE_ERROR},
        {"localtime({hour: 1, minute: 0, second: 0, millisecond: 1, nanosecond: 999999})",
         "localtime('01:00:00.001999999')"},
        {"localtime({time: localtime('12:31:14.5'), second: 42})", "localtime('12:31:42.500')"},
        {"localtime({time: localtime('12:31:14.5'), millisecond: 1})", "localtime('12:31:14.001')"},
        {"localtime({hour: 12, timezone: '+01:00'})", VALUE_ERROR},
        {"time({time: time('12:31:14+01:00'), timezone: '+05:00'})", "time('16:31:14+05:00')"},
        {"time({time: time('23:00+01:00'), timezone: '+05:00'})", "time('03:00+05:00')"},
        {"time({time: localtime('12:31'), timezone: '+05:00'})", "time('12:31+05:00')"},
        {"time({time: datetime('2015-07-01T10:00[Europe/Berlin]')})", "time('10:00+02:00')"},
        {"time({time: datetime('2015-01-01T10:00[Europe/Berlin]')})", "time('10:00+01:00')"},
        {"time({time: datetime('2015-07-01T10:00[Europe/Berlin]'), timezone: '+05:00'})",
         "time('13:00+05:00')"},
        {"time({time: localdatetime('2015-07-01T10:00'), timezone: 'Europe/Berlin'})",
         "time('10:00+02:00')"},
        {"time({datetime: datetime('2015-07-01T10:00[Europe/Berlin]'), hour: 3})",
         "time('03:00+02:00')"},
        {"time({hour: 12, timezone: 'Europe/Berlin'})", "time('12:00+01:00')"},
        {"localdatetime({date: date('2020-02-03'), time: time('10:11+01:00'), day: 28})",
         "localdatetime('2020-02-28T10:11')"},
        {"localdatetime({datetime: datetime('2020-02-03T10:11+01:00')})",
         "localdatetime('2020-02-03T10:11')"},
        {"localdatetime({datetime: date('2020-02-03')})", VALUE_ERROR},
        {"localdatetime({datetime: localdatetime('2020-02-03T10:11'), date: date('2020-01-01')})",
         VALUE_ERROR},
        {"localdatetime({hour: 10})", VALUE_ERROR},
        {"datetime({year: 1984, month: 7, day: 20, hour: 12, timezone: 'Europe/Berlin'})",
         "datetime('1984-07-20T12:00+02:00[Europe/Berlin]')"},
        {"datetime({date: date('2020-07-01'), time: datetime('2020-01-01T12:00[Europe/Berlin]')})",
         "datetime('2020-07-01T12:00+02:00[Europe/Berlin]')"},
        {"datetime({date: date('1984-10-28'), time: time('12:31:14+01:00'), timezone: "
         "'Pacific/Honolulu'})",
         "datetime('1984-10-28T01:31:14-10:00[Pacific/Honolulu]')"},
        {"datetime({datetime: datetime('1984-10-11T12:00[Europe/Berlin]'), day: 28, timezone: "
         "'Pacific/Honolulu'})",
         "datetime('1984-10-28T01:00-10:00[Pacific/Honolulu]')"},
        {"datetime({year: 1984, timezone: 1})", VALUE_ERROR},
        {"datetime({epochSeconds: 416779, nanosecond: 1})",
         "datetime('1970-01-05T19:46:19.000000001Z')"},
        {"datetime({epochMillis: -1})", "datetime('1969-12-31T23:59:59.999Z')"},
        {"datetime({epochMillis: 237821673987, timezone: 'Asia/Tokyo'})",
         "datetime('1977-07-15T22:34:33.987+09:00[Asia/Tokyo]')"},
        {"datetime({epochMillis: 1, millisecond: 1})", VALUE_ERROR},
        {"datetime({epochMillis: 1, epochSeconds: 1})", VALUE_ERROR},
        {"datetime({epochSeconds: 1, year: 2000})", VALUE_ERROR},
        {"datetime({epochSeconds: 9223372036854775807})", VALUE_ERROR},
        {"datetime({epochSeconds: 4000000000000000000})", OVERFLOW_ERROR},
        {"datetime({epochMillis: 999, nanosecond: 999999999})", VALUE_ERROR},
        {"datetime.fromEpoch(416779, 999999999)", "datetime('1970-01-05T19:46:19.999999999Z')"},
        {"datetime.fromepochmillis(237821673987)", "datetime('1977-07-15T13:34:33.987Z')"},
        {"datetime.fromEpoch(1, 1000000000)", VALUE_ERROR},
        {"datetime.fromEpoch(1.5, 1)", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__from_others(void **state)
{
    static const fixture_case cases[] = {
        {"date(datetime('2020-02-03T10:11+01:00'))", "date('2020-02-03')"},
        {"localtime(datetime('2020-02-03T10:11+01:00'))", "localtime('10:11')"},
        {"time(localdatetime('2020-02-03T10:11'))", "time('10:11Z')"},
        {"time(datetime('2020-02-03T10:11[Europe/Berlin]'))", "time('10:11+01:00')"},
        {"localdatetime(date('2020-02-03'))", "localdatetime('2020-02-03T00:00')"},
        {"datetime(localdatetime('2020-02-03T10:11'))", "datetime('2020-02-03T10:11Z')"},
        {"datetime(datetime('2020-02-03T10:11[Europe/Berlin]'))",
         "datetime('2020-02-03T10:11+01:00[Europe/Berlin]')"},
        {"date(localtime('10:00'))", VALUE_ERROR},
        {"localtime(date('2020-01-01'))", VALUE_ERROR},
        {"datetime(time('10:00'))", VALUE_ERROR},
        {"date(duration('P1D'))", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__durations_from_maps(void **state)
{
    static const fixture_case cases[] = {
        {"duration({days: 14, hours: 16, minutes: 12})", "duration('P14DT16H12M')"},
        {"duration({months: 0.75})", "duration('P22DT19H51M49.5S')"},
        {"duration({years: 12.5, months: 5.5, days: 14.5, hours: 16.5, minutes: 12.5, seconds: "
         "70.5, nanoseconds: 3})",
         "duration('P12Y11M29DT33H58M13.500000003S')"},
        {"duration({quarters: 1.5})", "duration('P4M15DT5H14M33S')"},
        {"duration({weeks: 2.5})", "duration('P17DT12H')"},
        {"duration({milliseconds: 1, microseconds: 1, nanoseconds: 1})",
         "duration('PT0.001001001S')"},
        {"duration({seconds: -2, milliseconds: 1})", "duration('PT-1.999S')"},
        {"duration({minutes: 1.5, seconds: 1})", "duration('PT1M31S')"},
        {"duration({days: 0.1})", "duration('PT2H24M')"},
        {"duration({seconds: 9223372036854775807, milliseconds: 1000})", OVERFLOW_ERROR},
        {"duration({years: 9223372036854775807})", OVERFLOW_ERROR},
        {"duration({days: 1e300})", OVERFLOW_ERROR},
        {"duration({days: NaN})", OVERFLOW_ERROR},
        {"duration({days: 'a'})", VALUE_ERROR},
        {"duration({fortnights: 1})", VALUE_ERROR},
        {"duration({})", VALUE_ERROR},
        {"duration(5)", VALUE_ERROR},
        {"duration(duration('P1D'))", "duration('P1D')"},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__components(void **state)
{
    static const fixture_case cases[] = {
        {"date('1984-11-11').year", "1984"},
        {"date('1984-11-12').month", "11"},
        {"date('1984-11-12').day", "12"},
        {"localtime('12:31:14').hour", "12"},
        {"localtime('12:31:14').second", "14"},
        {"datetime('+999999999-12-31T23:00-18:00')", OVERFLOW_ERROR},
        {"date('1984-11-11').quarter", "4"},
        {"date('1984-11-11').week", "45"},
        {"date('1984-01-01').week", "52"},
        {"date('1984-01-01').weekYear", "1983"},
        {"date('1984-11-11').ordinalDay", "316"},
        {"date('1984-11-11').weekDay", "7"},
        {"date('1984-11-11').dayOfWeek", "7"},
        {"date('1984-11-11').dayOfQuarter", "42"},
        {"date('-0044-03-15').year", "-44"},
        {"date('1984-11-11').hour", VALUE_ERROR},
        {"localtime('12:31:14.645876123').millisecond", "645"},
        {"localtime('12:31:14.645876123').microsecond", "645876"},
        {"localtime('12:31:14.645876123').nanosecond", "645876123"},
        {"localtime('12:31').timezone", VALUE_ERROR},
        {"time('12:31+01:00').timezone", "'+01:00'"},
        {"time('12:31-01:30').offsetMinutes", "-90"},
        {"time('12:31+01:00').offsetSeconds", "3600"},
        {"time('12:31').offset", "'Z'"},
        {"time('12:31').epochSeconds", VALUE_ERROR},
        {"datetime('1984-11-11T12:31:14.645876123[Europe/Stockholm]').timezone",
         "'Europe/Stockholm'"},
        {"datetime('1984-11-11T12:31:14.645876123[Europe/Stockholm]').epochSeconds", "469020674"},
        {"datetime('1984-11-11T12:31:14.645876123[Europe/Stockholm]').epochMillis", "469020674645"},
        {"datetime('1969-12-31T23:59:59.5Z').epochMillis", "-500"},
        {"datetime('+292278994-08-17T07:12:55.807Z').epochMillis", "9223372036854775807"},
        {"datetime('+292278994-08-17T07:12:55.808Z').epochMillis", OVERFLOW_ERROR},
        {"datetime('-999999999-01-02T00:00+18:00').epochMillis", OVERFLOW_ERROR},
        {"datetime('+999999999-12-31T23:59:59Z').epochSeconds", "31556889832780799"},
        {"localdatetime('1984-11-11T12:31:14').minute", "31"},
        {"localdatetime('1984-11-11T12:31:14').offset", VALUE_ERROR},
        {"date('1984-11-11').nonsense", VALUE_ERROR},
        {"duration('P1Y4M10DT1H1M1.111111111S').years", "1"},
        {"duration('P1Y4M10DT1H1M1.111111111S').quarters", "5"},
        {"duration('P1Y4M10DT1H1M1.111111111S').months", "16"},
        {"duration('P1Y4M10DT1H1M1.111111111S').weeks", "1"},
        {"duration('P1Y4M10DT1H1M1.111111111S').days", "10"},
        {"duration('P1Y4M10DT1H1M1.111111111S').minutes", "61"},
        {"duration('P1Y4M10DT1H1M1.111111111S').seconds", "3661"},
        {"duration('P1Y4M10DT1H1M1.111111111S').milliseconds", "3661111"},
        {"duration('P1Y4M10DT1H1M1.111111111S').nanoseconds", "3661111111111"},
        {"duration('P1Y4M10DT1H1M1.111111111S').quartersOfYear", "1"},
        {"duration('P1Y4M10DT1H1M1.111111111S').monthsOfQuarter", "1"},
        {"duration('P1Y4M10DT1H1M1.111111111S').monthsOfYear", "4"},
        {"duration('P1Y4M10DT1H1M1.111111111S').daysOfWeek", "3"},
        {"duration('P1Y4M10DT1H1M1.111111111S').minutesOfHour", "1"},
        {"duration('P1Y4M10DT1H1M1.111111111S').secondsOfMinute", "1"},
        {"duration('P1Y4M10DT1H1M1.111111111S').millisecondsOfSecond", "111"},
        {"duration('P1Y4M10DT1H1M1.111111111S').microsecondsOfSecond", "111111"},
        {"duration('PT-0.1S').seconds", "-1"},
        {"duration('PT-0.1S').nanosecondsOfSecond", "900000000"},
        {"duration('PT-0.0015S').milliseconds", "-2"},
        {"duration('PT-0.0015S').millisecondsOfSecond", "998"},
        {"duration('PT-1.0000015S').microseconds", "-1000002"},
        {"duration('PT-1.5S').milliseconds", "-1500"},
        {"duration('PT-1.000000001S').nanoseconds", "-1000000001"},
        {"duration({seconds: 9223372036854775807}).nanoseconds", OVERFLOW_ERROR},
        {"duration('P1D').century", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__truncation(void **state)
{
    static const fixture_case cases[] = {
        {"date.truncate('millennium', date('2017-10-11'))", "date('2000-01-01')"},
        {"date.truncate('century', date('1984-10-11'), {day: 2})", "date('1900-01-02')"},
        {"date.truncate('decade', date('1984-10-11'))", "date('1980-01-01')"},
        {"date.truncate('decade', date('-0001-10-11'))", "date('-0010-01-01')"},
        {"date.truncate('weekYear', date('1984-01-01'))", "date('1983-01-03')"},
        {"date.truncate('weekYear', date('1984-01-01'), {day: 5})", "date('1983-01-05')"},
        {"date.truncate('quarter', date('1984-11-11'))", "date('1984-10-01')"},
        {"date.truncate('year', date('1984-11-11'))", "date('1984-01-01')"},
        {"date.truncate('week', date('1984-10-11'), {dayOfWeek: 2})", "date('1984-10-09')"},
        {"date.truncate('month')", "date('2023-11-01')"},
        {"date.truncate('hour', date('1984-10-11'))", VALUE_ERROR},
        {"date.truncate('fortnight', date('1984-10-11'))", VALUE_ERROR},
        {"date.truncate('day', localtime('10:00'))", VALUE_ERROR},
        {"date.truncate('day', 1)", VALUE_ERROR},
        {"date.truncate(1, date('1984-10-11'))", VALUE_ERROR},
        {"date.truncate('day', date('1984-10-11'), 1)", VALUE_ERROR},
        {"date.truncate('day', date('1984-10-11'), {hour: 1})", VALUE_ERROR},
        {"date.truncate('day', null)", "null"},
        {"localtime.truncate('day', localtime('12:31'))", "localtime('00:00')"},
        {"localtime.truncate('millisecond', localtime('12:31:14.645876123'), {nanosecond: 2})",
         "localtime('12:31:14.645000002')"},
        {"localtime.truncate('month', localtime('12:31'))", VALUE_ERROR},
        {"time.truncate('hour', time('12:31+01:00'), {timezone: '+02:00'})", "time('12:00+02:00')"},
        {"time.truncate('minute', localdatetime('1984-10-11T12:31:14'))", "time('12:31Z')"},
        {"localdatetime.truncate('day', datetime('1984-10-11T12:31+01:00'), {nanosecond: 2})",
         "localdatetime('1984-10-11T00:00:00.000000002')"},
        {"localdatetime.truncate('hour', date('1984-10-11'))", "localdatetime('1984-10-11T00:00')"},
        {"datetime.truncate('millennium', datetime('2017-10-11T12:31+03:00'), {timezone: "
         "'Europe/Berlin'})",
         "datetime('2000-01-01T00:00+01:00[Europe/Berlin]')"},
        {"datetime.truncate('month', datetime('2017-07-11T12:31[Europe/Berlin]'), {month: 1})",
         "datetime('2017-01-01T00:00+01:00[Europe/Berlin]')"},
        {"localdatetime.truncate('day', datetime('1984-10-11T12:31+01:00'), {timezone: 'Z'})",
         VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__sums(void **state)
{
    static const fixture_case cases[] = {
        {"date('1984-10-11') + duration('P1M-14DT16H')", "date('1984-10-28')"},
        {"date('2020-01-31') + duration('P1M')", "date('2020-02-29')"},
        {"duration('P1M') + date('2020-01-31')", "date('2020-02-29')"},
        {"date('2020-03-31') - duration('P1M')", "date('2020-02-29')"},
        {"date('2020-01-01') + duration('PT47H')", "date('2020-01-02')"},
        {"date('2020-01-01') - duration('PT47H')", "date('2019-12-31')"},
        {"localtime('12:31') + duration('PT25H')", "localtime('13:31')"},
        {"localtime('00:00') - duration('PT0.000000001S')", "localtime('23:59:59.999999999')"},
        {"time('12:31+01:00') + duration('P1DT1S')", "time('12:31:01+01:00')"},
        {"localdatetime('2020-01-01T00:00') - duration('PT0.5S')",
         "localdatetime('2019-12-31T23:59:59.500')"},
        {"datetime('2020-01-01T00:00+01:00') + duration('P1MT24H')",
         "datetime('2020-02-02T00:00+01:00')"},
        {"datetime('2017-10-28T12:00[Europe/Berlin]') + duration('P1D')",
         "datetime('2017-10-29T12:00+01:00[Europe/Berlin]')"},
        {"datetime('2017-10-28T12:00[Europe/Berlin]') + duration('PT24H')",
         "datetime('2017-10-29T11:00+01:00[Europe/Berlin]')"},
        {"datetime('2017-03-26T00:00[Europe/Berlin]') + duration('PT2H30M')",
         "datetime('2017-03-26T03:30+02:00[Europe/Berlin]')"},
        {"date('+999999999-12-31') + duration('P1D')", OVERFLOW_ERROR},
        {"date('-999999999-01-01') - duration('P1M')", OVERFLOW_ERROR},
        {"date('2020-01-01') + duration('P9223372036854775807D')", OVERFLOW_ERROR},
        {"date('2020-01-01') + duration('P9223372036854775807M')", OVERFLOW_ERROR},
        {"localdatetime('2020-01-01T00:00') + duration({seconds: 9223372036854775807})",
         OVERFLOW_ERROR},
        {"datetime('2020-01-01T00:00Z') - duration({seconds: 9223372036854775807})",
         OVERFLOW_ERROR},
        {"datetime('2020-01-01T00:00[Europe/Berlin]') + duration({seconds: 9223372036854775807})",
         OVERFLOW_ERROR},
        {"localtime('00:00') + duration({seconds: 9223372036854775807})", "localtime('15:30:07')"},
        {"duration('P1Y') + duration('P1M1DT1S')", "duration('P1Y1M1DT1S')"},
        {"duration('P1Y') - duration('P13M')", "duration('P-1M')"},
        {"duration({seconds: 9223372036854775807}) + duration('PT1S')", OVERFLOW_ERROR},
        {"duration('P1D') + 1", TYPE_ERROR},
        {"date('2020-01-01') - date('2019-01-01')", TYPE_ERROR},
        {"duration('P1D') - date('2020-01-01')", TYPE_ERROR},
        {"date('2020-01-01') + null", "null"},
        {"'at ' + date('2020-01-01')", "'at 2020-01-01'"},
        {"-duration('P1Y-2M3DT-0.5S')", "duration('P-10M-3DT0.5S')"},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__products(void **state)
{
    static const fixture_case cases[] = {
        {"duration('P12Y5M14DT16H13M10.000000001S') * 2",
         "duration('P24Y10M28DT32H26M20.000000002S')"},
        {"duration('P12Y5M14DT16H13M10.000000001S') / 2", "duration('P6Y2M22DT13H21M8S')"},
        {"duration('P12Y5M14DT16H13M10.000000001S') * 0.5", "duration('P6Y2M22DT13H21M8S')"},
        {"duration('P12Y5M14DT16H13M10.000000001S') / 0.5",
         "duration('P24Y10M28DT32H26M20.000000002S')"},
        {"3 * duration('P1D')", "duration('P3D')"},
        {"duration('P1M') / 7", "duration('P4DT8H21M18S')"},
        {"duration('P-1D') / 2", "duration('PT-12H')"},
        {"duration('P1D') * 0", "duration('PT0S')"},
        {"duration('P1D') / 0", DIVISION_ERROR},
        {"duration('P1D') / 0.0", OVERFLOW_ERROR},
        {"duration('P1D') * NaN", OVERFLOW_ERROR},
        {"duration('P1Y') * 9223372036854775807", OVERFLOW_ERROR},
        {"duration({seconds: 9223372036854775807}) * 9223372036854775807", OVERFLOW_ERROR},
        {"duration({seconds: 9223372036854775807}) * -1",
         "duration('PT-2562047788015215H-30M-7S')"},
        {"duration({seconds: 9223372036854775807}) * 1.5", OVERFLOW_ERROR},
        {"duration('P1D') * 1e30", OVERFLOW_ERROR},
        {"duration('P1D') * 'a'", TYPE_ERROR},
        {"2 / duration('P1D')", TYPE_ERROR},
        {"duration('P1D') * duration('P1D')", TYPE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__between(void **state)
{
    static const fixture_case cases[] = {
        {"duration.between(date('1984-10-11'), date('2015-06-24'))", "duration('P30Y8M13D')"},
        {"duration.between(date('2020-01-31'), date('2020-03-01'))", "duration('P1M1D')"},
        {"duration.between(date('2020-03-01'), date('2020-01-31'))", "duration('P-1M-1D')"},
        {"duration.between(localdatetime('2018-01-02T10:00:00.1'), "
         "localdatetime('2018-01-01T10:00:00.2'))",
         "duration('PT-23H-59M-59.9S')"},
        {"duration.between(date('1984-10-11'), localtime('16:30'))", "duration('PT16H30M')"},
        {"duration.between(localtime('14:30'), date('2015-06-24'))", "duration('PT-14H-30M')"},
        {"duration.between(time('14:30'), time('16:30+0100'))", "duration('PT1H')"},
        {"duration.between(localtime('14:30'), time('16:30+0100'))", "duration('PT2H')"},
        {"duration.between(datetime('2017-10-28T23:00[Europe/Berlin]'), "
         "datetime('2017-10-29T04:00[Europe/Berlin]'))",
         "duration('PT6H')"},
        {"duration.between(datetime('2014-07-21T21:40:36.143+0200'), "
         "datetime('2015-07-21T21:40:32.142+0100'))",
         "duration('P1YT59M55.999S')"},
        {"duration.between(date('-999999999-01-01'), date('+999999999-12-31'))",
         "duration('P1999999998Y11M30D')"},
        {"duration.inSeconds(localdatetime('-999999999-01-01'), "
         "localdatetime('+999999999-12-31T23:59:59'))",
         "duration('PT17531639991215H59M59S')"},
        {"duration.inSeconds(datetime('2017-10-29T00:00[Europe/Berlin]'), date('2017-10-30'))",
         "duration('PT25H')"},
        {"duration.inSeconds(localtime('12:34:54.7'), localtime('12:34:54.3'))",
         "duration('PT-0.4S')"},
        {"duration.inDays(date('1984-10-11'), date('2015-06-24'))", "duration('P11213D')"},
        {"duration.inDays(localdatetime('2015-07-21T21:40'), date('2015-06-24'))",
         "duration('P-27D')"},
        {"duration.inDays(date('2015-01-01'), localtime('10:00'))", "duration('PT0S')"},
        {"duration.inMonths(date('2018-07-21'), datetime('2016-07-21T21:40:32.142+0100'))",
         "duration('P-1Y-11M')"},
        {"duration.inMonths(time('10:00'), time('11:00'))", "duration('PT0S')"},
        {"duration.inMonths(date('2018-07-21'), null)", "null"},
        {"duration.inDays(1, date('2018-07-21'))", VALUE_ERROR},
        {"duration.between(date('2018-07-21'), duration('P1D'))", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__comparison(void **state)
{
    static const fixture_case cases[] = {
        {"date('1984-10-11') < date('1984-10-12')", "true"},
        {"time('10:00+01:00') < time('09:35:14Z')", "true"},
        {"datetime('1984-10-11T12:00+05:00') < datetime('1984-10-11T12:00Z')", "true"},
        {"datetime('2020-01-01T01:00+01:00') = datetime('2020-01-01T00:00Z')", "false"},
        {"date('1984-10-11') < localdatetime('1984-10-11T12:00')", "null"},
        {"date('1984-10-11') = localdatetime('1984-10-11T00:00')", "false"},
        {"duration('P1D') < duration('P2D')", "null"},
        {"duration('PT60S') = duration('PT1M')", "true"},
        {"duration('P1D') = duration('PT24H')", "false"},
        {"duration('P12M') = duration('P1Y')", "true"},
        {"point({x: 1, y: 2}) = point({x: 1, y: 2})", "true"},
        {"point({x: 1, y: 2}) < point({x: 2, y: 2})", "null"},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_temporal__lack_of_memory(void **state)
{
    static const char *const expressions[] = {
        "date('2020-01-02')",
        "datetime('2020-07-01T12:00[Europe/Berlin]')",
        "datetime({year: 2020, timezone: 'Asia/Tokyo'})",
        "duration('P1Y2M3DT4.5S')",
        "duration.between(date('2020-01-01'), datetime('2021-01-01T00:00[Europe/Berlin]'))",
        "datetime().timezone",
        "datetime('2020-07-01T12:00[Europe/Berlin]') + duration('PT24H')",
        "duration({days: 1}) * 2",
        "datetime.truncate('day', datetime(), {timezone: 'Europe/Berlin'})",
    };

    (void)state;
    fixture_starve(expressions, sizeof expressions / sizeof expressions[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_func_temporal__clocks),
        TEST(test_cypher_func_temporal__dates_from_text),
        TEST(test_cypher_func_temporal__times_from_text),
        TEST(test_cypher_func_temporal__datetimes_from_text),
        TEST(test_cypher_func_temporal__durations_from_text),
        TEST(test_cypher_func_temporal__dates_from_maps),
        TEST(test_cypher_func_temporal__times_from_maps),
        TEST(test_cypher_func_temporal__from_others),
        TEST(test_cypher_func_temporal__durations_from_maps),
        TEST(test_cypher_func_temporal__components),
        TEST(test_cypher_func_temporal__truncation),
        TEST(test_cypher_func_temporal__sums),
        TEST(test_cypher_func_temporal__products),
        TEST(test_cypher_func_temporal__between),
        TEST(test_cypher_func_temporal__comparison),
        TEST(test_cypher_func_temporal__lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
