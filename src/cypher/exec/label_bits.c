/* label_bits.c — which nodes have a label, as bits: for statements that ask it of many nodes.
 * A node's row takes some 30 ns to look up. The label index has 4,096 nodes in a container, and reading all containers of a label takes a few
 * times as long for each. So once as many nodes have been asked as make up for that, the label's containers are read, and kept for the
 * rest of the run. */
#include "cypher/exec/op_priv.h"

/* A container that is read costs as much as this many rows that are looked up (perf: 150 ns and more, against 30). */
#define CONTAINER_COST  6u
#define CONTAINER_IDS   4096u
#define CONTAINER_BYTES (CONTAINER_IDS / 8)
/* Ids that are not in use any more, for each that is. */
#define SPARSE_MOST 4u

sb_status sb_exec__label_bits(sb_exec *run, sb_label_id label, sb_label_bits **bits)
{
    sb_label_bits *found = run->label_bits;

    while (found != NULL && found->label != label)
        found = found->next;
    if (found == NULL) {
        found = sb_exec__alloc_zero(run, 1, sizeof *found);
        if (found == NULL) return sb_exec__no_memory(run);
        found->label = label;
        sb_buffer_init(&found->bits, run->alloc);
        found->next = run->label_bits;
        run->label_bits = found;
    }
    *bits = found;
    return SB_OK;
}

static sb_status read_bits(sb_exec *run, sb_label_bits *bits, uint64_t containers)
{
    bool fits;
    const sb_status status = sb_label_index_bits(
        run->view, bits->label, (size_t)(SPARSE_MOST * containers * CONTAINER_BYTES), &bits->bits,
        &bits->first, &fits, run->err);

    bits->known = status == SB_OK && fits;
    bits->never = !bits->known;
    if (status != SB_NOMEM) return status;
    sb_err_clear(run->err); /* benign: rows are looked up */
    sb_buffer_deinit(&bits->bits);
    return SB_OK;
}

sb_status sb_exec__label_bits_expect(sb_exec *run, sb_label_bits *bits, uint32_t count)
{
    uint64_t nodes;

    if (bits->generation != run->generation) {
        sb_buffer_reset(&bits->bits);
        bits->known = false;
        bits->never = !sb_label_indexed(run->view, bits->label);
        bits->asked = 0;
        bits->generation = run->generation;
    }
    bits->asked += count;
    if (bits->known || bits->never) return SB_OK;
    SB_TRY(sb_stats_nodes_of_label(run->view, 0, &nodes, run->err));
    const uint64_t containers = nodes / CONTAINER_IDS + 1;
    return bits->asked >= CONTAINER_COST * containers ? read_bits(run, bits, containers) : SB_OK;
}

void sb_exec__label_bits_free(sb_exec *run)
{
    for (sb_label_bits *bits = run->label_bits; bits != NULL; bits = bits->next) {
        sb_buffer_deinit(&bits->bits);
        bits->known = bits->never = false;
        bits->asked = 0;
    }
}
