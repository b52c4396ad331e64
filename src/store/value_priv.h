/* value_priv.h — what the files about values share: limits of their parts, and the order of types. */
#ifndef SB_VALUE_PRIV_H
#define SB_VALUE_PRIV_H

#include "store/value.h"

#define SB_NANOS_PER_SECOND 1000000000LL
#define SB_NANOS_PER_DAY    (86400LL * SB_NANOS_PER_SECOND)
#define SB_SECONDS_PER_DAY  86400LL
/* Years -999,999,999 to 999,999,999, the range that Cypher implementations agree on. */
#define SB_DATE_DAYS_MIN        (-365243219162LL)
#define SB_DATE_DAYS_MAX        365241780471LL
#define SB_DATETIME_SECONDS_MIN (SB_DATE_DAYS_MIN * SB_SECONDS_PER_DAY)
#define SB_DATETIME_SECONDS_MAX (SB_DATE_DAYS_MAX * SB_SECONDS_PER_DAY + SB_SECONDS_PER_DAY - 1)
#define SB_OFFSET_SECONDS_MAX   64800 /* 18 hours either way */
#define SB_ZONE_BYTES_MAX       255u
/* Seconds of an average month (a year of 365.2425 days): durations are ordered by their average length. */
#define SB_SECONDS_PER_MONTH 2629746LL

/* Bytes of a value's key that a cut one keeps (value_key.c); 16 of hash follow. */
#define SB_KEY_HASH_BYTES         16u
#define SB_KEY_FIRST_BYTES(limit) ((limit)-SB_KEY_HASH_BYTES)

/* Place of a type among all, and first byte of its keys. The gaps are room for types to come. 0 ends a list. */
#define SB_RANK_LIST           0x10u
#define SB_RANK_POINT          0x18u
#define SB_RANK_DATETIME       0x20u
#define SB_RANK_LOCAL_DATETIME 0x28u
#define SB_RANK_DATE           0x30u
#define SB_RANK_TIME           0x38u
#define SB_RANK_LOCAL_TIME     0x40u
#define SB_RANK_DURATION       0x48u
#define SB_RANK_STRING         0x50u
#define SB_RANK_BYTES          0x58u
#define SB_RANK_BOOL           0x60u /* false; true is the next */
#define SB_RANK_NUMBER         0x80u /* 0x87 to 0x99: see value_key.c */
#define SB_RANK_NAN            0x9Au
#define SB_RANK_NULL           0xF0u
#define SB_RANK_UNKNOWN        0xFFu
uint8_t sb_value__rank(const sb_value *value);
/* First byte of the keys of value's class, and the byte behind the last of them: the bounds of a range query with
 * one end open. NaN lies outside the numbers. */
void sb_value__key_class(const sb_value *value, uint8_t *first, uint8_t *behind);

/* Average length of a duration in seconds, raised by 2^87 so that it is never negative. */
#define SB_DURATION_BIAS_BITS 87u
sb_u128 sb_value__average_seconds(const sb_value *value);
/* NaN in a value, also as item of a list: it equals nothing. */
bool sb_value__has_nan(const sb_value *value);
/* The key of an integer of at most eight bytes, as a word; nothing is cut from it. False: the value is something else. */
bool sb_value__key_word(const sb_value *value, sb_tree_word *key);
/* The range rules of sb_value_check for a scalar, without texts: SB_OK or the status. UTF-8 is not looked at. */
sb_status sb_value__check_scalar(const sb_value *value);
/* Position of a reference system among the four known ones, or -1. */
int sb_value__srid_index(uint32_t srid);
extern const uint32_t sb_value__srids[4];
/* 4326 and 4979 are degrees on the Earth. */
SB_INLINE bool sb_value__srid_geographic(uint32_t srid)
{
    return srid == 4326 || srid == 4979;
}
/* 4979 and 9157 have a z. */
SB_INLINE bool sb_value__srid_3d(uint32_t srid)
{
    return srid == 4979 || srid == 9157;
}

#endif
