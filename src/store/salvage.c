/* salvage.c — what the recovery of damaged files needs to know of the store's formats: where the core trees were, and
 * single rows of the catalog, without a catalog that is whole. */
#include "store/store_priv.h"

void sb_store_salvage_trees(sb_txn *txn, sb_salvage_trees *trees)
{
    sb_store__meta meta;

    /* A commit's area that makes no sense is as good as none. */
    const bool known =
        sb_store__meta_decode(sb_txn_meta(txn), sb_txn_page_count(txn), &meta, NULL) == SB_OK &&
        meta.founded;
    trees->known = known;
    trees->node_end = known ? meta.node_end : 0;
    trees->rel_end = known ? meta.rel_end : 0;
    trees->catalog = (sb_tree){.id = SB_CORE_TREE_ID(SB_CORE_CATALOG), .kind = SB_TREE_SLOTTED};
    trees->nodes = (sb_tree){.id = SB_CORE_TREE_ID(SB_CORE_NODES), .kind = SB_TREE_COLUMNAR};
    trees->rels = (sb_tree){.id = SB_CORE_TREE_ID(SB_CORE_RELS), .kind = SB_TREE_COLUMNAR};
    if (!known) return;
    trees->catalog = meta.core[SB_CORE_CATALOG];
    trees->nodes = meta.core[SB_CORE_NODES];
    trees->rels = meta.core[SB_CORE_RELS];
}

bool sb_store_salvage_row(sb_bytes key, sb_bytes value, sb_salvage_row *row)
{
    uint64_t counts[SB_STAT_CHUNK];

    *row = (sb_salvage_row){.value = value};
    if (key.size == 6 && key.data[0] >= SB_ROW_NAME && key.data[0] <= SB_ROW_SET) {
        row->kind = (sb_salvage_kind)(key.data[0] - SB_ROW_NAME);
        row->id = sb_load_be32(key.data + 1);
        row->piece = key.data[5];
        row->last = value.size != SB_ROW_PIECE;
        return value.size <= SB_ROW_PIECE;
    }
    if (key.size != 8 || key.data[0] != SB_ROW_STATS ||
        sb_store__stats_decode(value, counts, NULL) != SB_OK)
        return false;
    const uint64_t first = (sb_load_be64(key.data) & 0x00FFFFFFFFFFFFFFull) << SB_STAT_CHUNK_BITS;
    if (first != 0 && first != SB_STAT_KEY(SB_STAT_TYPES, 0, 0)) return false;
    row->kind = first == 0 ? SB_SALVAGE_NODES : SB_SALVAGE_RELS;
    row->count = counts[0];
    return true;
}

bool sb_store_salvage_set(sb_bytes value, sb_label_id *labels, size_t capacity, size_t *count)
{
    const uint8_t *pos = value.data, *end = pos + value.size;
    uint64_t label = 0, more;

    *count = 0;
    while (pos != end) {
        if (*count == capacity || !sb_varint_decode(&pos, end, &more) || more == 0 ||
            more > UINT32_MAX - label)
            return false;
        label += more;
        labels[(*count)++] = (sb_label_id)label;
    }
    return true;
}
