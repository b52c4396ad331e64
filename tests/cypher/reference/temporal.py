"""Dates, date-times and durations: arithmetic by definition, on the days of Python's calendar, whole seconds, and Python's time zones."""
import datetime
import re
import zoneinfo

from .values import Date, DateTime, Duration, LocalDateTime

DAY = 86400
EPOCH = datetime.date(1970, 1, 1)


class NoSuchDay(Exception):
    """Outside of the years that Python's calendar has."""


def parts(v):
    """(date, seconds of the day)"""
    if isinstance(v, Date):
        return datetime.date.fromisoformat(v.text), 0
    if isinstance(v, DateTime):
        days, seconds = divmod(v.instant + v.offset, DAY)
        return moved(EPOCH, days), seconds
    day, time = v.text.split('T')
    clock = [int(x) for x in time.split(':')] + [0]
    return datetime.date.fromisoformat(day), clock[0] * 3600 + clock[1] * 60 + clock[2]


def made(like, day, seconds):
    """A value of the type of another one."""
    if isinstance(like, Date):
        return Date(day.isoformat())
    if isinstance(like, DateTime):
        return at_place(day, seconds, like.zone or like.offset, like.offset)
    text = f'{day.isoformat()}T{seconds // 3600:02}:{seconds // 60 % 60:02}'
    return LocalDateTime(text + (f':{seconds % 60:02}' if seconds % 60 else ''))


def moved(day, days):
    try:
        return day + datetime.timedelta(days)
    except OverflowError:
        raise NoSuchDay from None


def plus_months(day, months):
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise NoSuchDay
    for last in (day.day, 30, 29, 28):
        try:
            return datetime.date(year, month + 1, min(last, day.day))
        except ValueError:
            pass


def toward_zero(a, b):
    return a // b if a >= 0 else -(-a // b)


def plus(v, d, sign):
    """Months first, then days, then seconds; of dates these in whole days."""
    if isinstance(v, DateTime):  # each step on the clock of the place, the seconds as they pass
        if d.months:
            day, seconds = parts(v)
            v = made(v, plus_months(day, sign * d.months), seconds)
        if d.days:
            day, seconds = parts(v)
            v = made(v, moved(day, sign * d.days), seconds)
        return at_instant(v.instant + sign * d.seconds, v.zone or v.offset)
    day, seconds = parts(v)
    day = moved(plus_months(day, sign * d.months), sign * d.days)
    if isinstance(v, Date):
        return made(v, moved(day, toward_zero(sign * d.seconds, DAY)), 0)
    days, seconds = divmod(seconds + sign * d.seconds, DAY)
    return made(v, moved(day, days), seconds)


def offset_at(zone, day, seconds, fold):
    """Of a clock that shows this; fold: of the two offsets that there may be, the one behind the change."""
    clock = datetime.datetime.combine(day, datetime.time(seconds // 3600, seconds // 60 % 60, seconds % 60, fold=fold), zoneinfo.ZoneInfo(zone))
    return int(clock.utcoffset().total_seconds())


def at_place(day, seconds, zone, offset):
    """What a clock shows. Twice: the offset that is given, if it is one of both, else the earlier time. Never: as much later as the clock was moved."""
    local = (day - EPOCH).days * DAY + seconds
    if isinstance(zone, int):
        return DateTime(local - zone, zone, '')
    before, behind = (offset_at(zone, day, seconds, fold) for fold in (0, 1))
    if before < behind:
        return DateTime(local - before, behind, zone)
    kept = offset if offset in (before, behind) else before
    return DateTime(local - kept, kept, zone)


def at_instant(instant, zone):
    if isinstance(zone, int):
        moved(EPOCH, (instant + zone) // DAY)
        return DateTime(instant, zone, '')
    days, seconds = divmod(instant, DAY)
    utc = datetime.datetime.combine(moved(EPOCH, days), datetime.time(seconds // 3600, seconds // 60 % 60, seconds % 60), datetime.timezone.utc)
    try:
        return DateTime(instant, int(utc.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset().total_seconds()), zone)
    except OverflowError:
        raise NoSuchDay from None


def offset_text(offset):
    if offset == 0:
        return 'Z'
    hours, minutes, seconds = abs(offset) // 3600, abs(offset) // 60 % 60, abs(offset) % 60
    return ('-' if offset < 0 else '+') + f'{hours:02}:{minutes:02}' + (f':{seconds:02}' if seconds else '')


def offset_of(text):
    sign, *clock = re.fullmatch(r'Z|([+-])(\d\d):(\d\d)(?::(\d\d))?', text).groups()
    hours, minutes, seconds = (int(x or 0) for x in clock)
    return (-1 if sign == '-' else 1) * (hours * 3600 + minutes * 60 + seconds)


def datetime_text(v):
    day, seconds = parts(v)
    return made(LocalDateTime(''), day, seconds).text + offset_text(v.offset) + (f'[{v.zone}]' if v.zone else '')


def datetime_of(text):
    """The engine's canonical text."""
    local, offset, zone = re.fullmatch(r'([^TZ]*T[0-9:]*)(Z|[+-][0-9:]*)(?:\[(.*)\])?', text).groups()
    day, seconds = parts(LocalDateTime(local))
    return DateTime((day - EPOCH).days * DAY + seconds - offset_of(offset), offset_of(offset), zone or '')


def months_between(a, b):
    """Whole ones: the day of the month, and the time on it, must have come again."""
    (day, seconds), (end, end_seconds) = a, b
    forward = (end, end_seconds) >= (day, seconds)
    first, last = ((day.day, seconds), (end.day, end_seconds))[::1 if forward else -1]
    count = abs((end.year - day.year) * 12 + end.month - day.month) - (last < first)
    return count if forward else -count


def between(kind, a, b):
    """duration.between, .inMonths, .inDays and .inSeconds; where one has no time, it is midnight."""
    if isinstance(a, DateTime):  # inSeconds of two of them alone: what passes, not what clocks show
        return Duration(0, 0, b.instant - a.instant)
    a, b = parts(a), parts(b)
    months = months_between(a, b) if kind in ('between', 'inMonths') else 0
    if kind == 'inMonths':
        return Duration(months, 0, 0)
    day = plus_months(a[0], months)
    rest = (b[0] - day).days * DAY + b[1] - a[1]
    if kind == 'inSeconds':
        return Duration(0, 0, rest)
    days = toward_zero(rest, DAY)
    return Duration(months, days, rest - days * DAY if kind == 'between' else 0)


TRUNCATED = {
    'millennium': lambda d: d.replace(max(d.year // 1000 * 1000, 1), 1, 1),
    'century': lambda d: d.replace(max(d.year // 100 * 100, 1), 1, 1),
    'decade': lambda d: d.replace(max(d.year // 10 * 10, 1), 1, 1),
    'year': lambda d: d.replace(d.year, 1, 1),
    'weekYear': lambda d: datetime.date.fromisocalendar(d.isocalendar()[0], 1, 1),
    'quarter': lambda d: d.replace(d.year, (d.month - 1) // 3 * 3 + 1, 1),
    'month': lambda d: d.replace(day=1),
    'week': lambda d: moved(d, -d.weekday()),
    'day': lambda d: d,
}


def truncate(unit, v, like):
    day, seconds = parts(v)
    if day.year < 1000 and unit in ('millennium', 'century', 'decade'):
        raise NoSuchDay  # there may be no such year in Python
    if unit in TRUNCATED:
        day, seconds = TRUNCATED[unit](day), 0
    else:
        seconds -= seconds % {'hour': 3600, 'minute': 60, 'second': 1}[unit]
    return made(v if like is None else like, day, seconds)


COMPONENTS = {
    'year': lambda d, s: d.year, 'month': lambda d, s: d.month, 'day': lambda d, s: d.day,
    'week': lambda d, s: d.isocalendar()[1], 'weekYear': lambda d, s: d.isocalendar()[0], 'dayOfWeek': lambda d, s: d.isocalendar()[2],
    'quarter': lambda d, s: (d.month + 2) // 3, 'ordinalDay': lambda d, s: d.timetuple().tm_yday,
    'dayOfQuarter': lambda d, s: (d - d.replace(d.year, (d.month - 1) // 3 * 3 + 1, 1)).days + 1,
    'hour': lambda d, s: s // 3600, 'minute': lambda d, s: s // 60 % 60, 'second': lambda d, s: s % 60,
}

OF_DURATION = {
    'years': lambda d: toward_zero(d.months, 12), 'quarters': lambda d: toward_zero(d.months, 3), 'months': lambda d: d.months,
    'weeks': lambda d: toward_zero(d.days, 7), 'days': lambda d: d.days, 'hours': lambda d: toward_zero(d.seconds, 3600),
    'minutes': lambda d: toward_zero(d.seconds, 60), 'seconds': lambda d: d.seconds,
    'monthsOfYear': lambda d: d.months - 12 * toward_zero(d.months, 12), 'daysOfWeek': lambda d: d.days - 7 * toward_zero(d.days, 7),
    'secondsOfMinute': lambda d: d.seconds - 60 * toward_zero(d.seconds, 60),
}


OF_DATETIME = {
    'epochSeconds': lambda v: v.instant, 'offsetSeconds': lambda v: v.offset, 'offsetMinutes': lambda v: toward_zero(v.offset, 60),
    'timezone': lambda v: v.zone or offset_text(v.offset), 'offset': lambda v: offset_text(v.offset),
}


def component(v, name):
    if isinstance(v, DateTime) and name in OF_DATETIME:
        return OF_DATETIME[name](v)
    return OF_DURATION[name](v) if isinstance(v, Duration) else COMPONENTS[name](*parts(v))


def duration_text(d):
    years, hours, minutes = toward_zero(d.months, 12), toward_zero(d.seconds, 3600), toward_zero(d.seconds, 60)
    date = ''.join(f'{n}{unit}' for n, unit in ((years, 'Y'), (d.months - 12 * years, 'M'), (d.days, 'D')) if n)
    time = ''.join(f'{n}{unit}' for n, unit in ((hours, 'H'), (minutes - 60 * hours, 'M'), (d.seconds - 60 * minutes, 'S')) if n)
    return 'P' + date + ('T' + time if time else '') if date or time else 'PT0S'


def duration_of(text):
    """The engine's canonical text."""
    date, _, time = text[1:].partition('T')
    of = {unit: int(n) for n, unit in re.findall(r'(-?\d+)([YMWD])', date)}
    clock = {unit: int(n) for n, unit in re.findall(r'(-?\d+)([HMS])', time)}
    return Duration(12 * of.get('Y', 0) + of.get('M', 0), of.get('D', 0),
                    3600 * clock.get('H', 0) + 60 * clock.get('M', 0) + clock.get('S', 0))
