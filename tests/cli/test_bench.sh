#!/bin/sh
# Goal: sombra-bench lists its workloads, gives valid JSON lines with the names that scripts rely on, and its exact counts are
# those that the design promises. Method: tiny runs on s1k (1,000 nodes, 4,000 relationships); no time is judged.
set -eu
bench=$SOMBRA_BUILD_DIR/sombra-bench
fail() { echo "FAIL: $*" >&2; exit 1; }

test -x "$bench" || fail "$bench does not exist"
for workload in bulk_edge_creation exists_cache put_many_allocations profiling_overhead seed_ablation \
    bulk_into_full bulk_load commit_each edge_insert lookup_id lookup_key lookup_autocommit neighbors \
    two_hop_distinct three_hop_count bfs scan_filter open mixed small_sets query; do
    "$bench" --list | grep -q "^$workload " || fail "--list does not name $workload"
done
for wrong in "nothing" "bfs --graph w10k" "bulk_load --graph w10k --engine lmdb" "query --row nothing" "small_sets --engine raw" "query --row point_lookup --graph s1k --engine lmdb" "--graph s2k" "--engine oracle" "--threads 0" "--nothing" "--graph" \
    "bfs --graph s1k,s1k" "bfs --graph ," "bfs --engine ," "query --row ," "bfs --row triangles" "bfs --csv ." "query --graph s1k --csv ." \
    "--rounds 4294967296" "--scale 4294967297" "--threads -5" "--threads 1025" "--seed 18446744073709551616" "--limit 0x10"; do
    # shellcheck disable=SC2086
    "$bench" $wrong >out.txt 2>&1 && fail "'$wrong' is accepted"
    grep -q "^sombra-bench: " out.txt || fail "'$wrong' is refused without a reason"
done
unset SOMBRA_PROFILE
"$bench" bulk_edge_creation exists_cache put_many_allocations profiling_overhead seed_ablation \
    --graph s1k --rounds 2 --dir . --json >lines.json || fail "the run failed"
ls -d sombra-bench-* 2>/dev/null && fail "the run left its directory behind"
"$bench" exists_cache --graph s1k --rounds 1 --dir . | tail -n 1 | grep -q "^35 figures" ||
    fail "the table does not end with its count of figures"
# Under sanitizers, where the rest takes a minute, that much is enough: the release build runs all.
[ -z "${SOMBRA_SANITIZED:-}" ] || exit 0
# The engines must agree on what they read, and count what they wrote: else these end with an error. (Those that commit one by one
# are left to the benchmark: they wait for the disk.)
more="lookup_id lookup_key lookup_autocommit neighbors two_hop_distinct three_hop_count bfs scan_filter open bulk_load"
# shellcheck disable=SC2086
"$bench" $more --graph s1k --rounds 1 --scale 2 --dir . --json >more.json 2>more.txt || fail "a workload failed"
"$bench" bulk_edge_creation exists_cache put_many_allocations profiling_overhead seed_ablation bulk_into_full commit_each \
    --graph s1k --rounds 1 --scale 2 --threads 2 --dir . --json >scaled.json || fail "a workload failed at twice the size"
for file in more.json scaled.json; do
    grep -v '"elements": 10000}\|"elements": 10000,\|^{"summary"\|"graph": "none"' "$file" && fail "$file: a figure is not of twice the size"
done
"$bench" bulk_load --graph b1m --scale 1000 --dir . >out.txt 2>&1 && fail "a graph of 11 billion elements is accepted"
grep -q "too many elements" out.txt || fail "a graph that is too large is refused without a reason"
tail -n 1 more.json | grep -q '^{"summary": {"' || fail "there is no summary"
for workload in $more; do
    grep -q "^{\"workload\": \"$workload\"" more.json || fail "$workload printed nothing"
    grep -q "^{\"elapsed\": \"$workload\", \"seconds\": " more.txt || fail "$workload does not say how long it took"
done
"$bench" bulk_load small_sets --graph w10k --rounds 1 --dir . >wide.txt || fail "the graph of many types failed"
grep -q "adjacency_bytes_per_relationship_and_direction" wide.txt || fail "the lists of many types were not measured"
# Every statement of bench/queries gives SQLite's rows, and those of calls and loops: else it ends with an error.
"$bench" query --graph s1k --rounds 1 --dir . --json >query.json || fail "the queries failed"
rows="point_lookup_queries_per_s point_lookup_text_queries_per_s one_hop_queries_per_s two_hop_distinct_queries_per_s
three_hop_count_queries_per_s reachable_distinct_ms shortest_path_queries_per_s triangles_ms top_out_degree_ms rel_filter_count_ms
two_hop_filtered_count_ms two_hop_filtered_grouped_ms create_commit_commits_per_s merge_commit_commits_per_s
set_commit_commits_per_s unwind_merge_rows_per_s"
for row in $rows; do
    grep -q "\"engine\": \"sombra\", \"metric\": \"$row\"" query.json || fail "query printed no $row"
done
# A statement of SQLite's that was stopped has found nothing that the others could be held against.
"$bench" query --graph s20k --rounds 1 --row triangles --engine sqlite,raw --limit 1 --dir . >stopped.txt || fail "a stopped statement ends the run"
grep -q "triangles_ms on s20k: sqlite was stopped after 1 s" stopped.txt || fail "that a statement was stopped is not said"
# What Sombra alone divides among threads has a name of its own, and its ratio to the peer's plain figure.
"$bench" query --graph s1k --rounds 1 --row triangles --threads 2 --dir . --json >threads.json || fail "two threads failed"
grep -q '"engine": "sombra", "metric": "threads_2_triangles_ms"' threads.json || fail "two threads are not named"
grep -q '"engine": "raw", "metric": "triangles_ms"' threads.json || fail "the loop over arrays is named as divided"
grep -q '"query/s1k/threads_2_triangles_ms/vs_raw": ' threads.json || fail "two threads are not compared"
grep -q '"metric": "triangles_peak_memory_bytes", "value": [1-9]' query.json || fail "query printed no memory"
# LSQB's counts are those of loops over plain arrays.
"$bench" query --graph social --rounds 1 --dir . --engine sombra,raw --json \
    --row lsqb_1,lsqb_2,lsqb_3,lsqb_4,lsqb_5,lsqb_6,lsqb_7,lsqb_8,lsqb_9 >social.json || fail "a count differs from its loop"
[ "$(grep -c '"engine": "raw", "metric": "lsqb_' social.json)" = 9 ] || fail "a count has no loop beside it"
(cd / && "$bench" query --graph s1k --rounds 1 --row triangles --engine raw --dir "$OLDPWD") >one.txt || fail "query needs a folder to run in"
grep -q "^1 figures" one.txt || fail "--row triangles ran more than that"
# The other engines' script refuses what it would run nothing of.
peers=${0%/*}/../../bench/peers.py
if command -v python3 >/dev/null; then
    mkdir -p empty
    python3 "$peers" empty --row lsqb_1 2>out.txt && fail "a folder without files is taken"
    grep -q "holds no CSV files" out.txt || fail "a folder without files is refused without a reason"
    printf 'id,name,day\n1,a,2\n' >Person.csv
    python3 "$peers" . --row lsqb_1 --rounds 0 2>out.txt && fail "no rounds are taken"
    grep -q -e "--rounds is 1 or more" out.txt || fail "no rounds are refused without a reason"
    printf '%s\n' "def connect(config):" "    raise ValueError('no')" >duckdb.py
    PYTHONPATH=. python3 "$peers" . --row lsqb_1 --engine duckdb 2>out.txt && fail "an engine that fails is not told by the exit code"
    grep -q "duckdb: ended with status 1" out.txt || fail "an engine that fails is not named"
fi
command -v python3 >/dev/null || { echo "without python3: the JSON is not looked at"; exit 0; }
python3 - more.json scaled.json <<'CHECK'
import json
import sys

# What Sombra does by a call of its own, and what is counted in it alone.
OWN = ("batch_", "builder_", "lengths_", "in_place_", "in_order_", "adjacency_", "first_lookup_us_after_kill", "wal_bytes", "syncs", "checkpointed_", "ahead_")
engines = {}
for path in sys.argv[1:]:
    for line in open(path):
        f = json.loads(line)
        if "workload" in f and not f["metric"].startswith(OWN):
            engines.setdefault((f["workload"], f["metric"]), set()).add(f["engine"])
present = set.union(*engines.values())
assert {"sombra", "raw"} <= present, present
for (workload, metric), found in engines.items():  # every engine has each figure, under the same name
    if workload not in ("exists_cache", "put_many_allocations", "profiling_overhead", "seed_ablation"):
        assert found == present, (workload, metric, found)
for key in (("commit_each", "commits_per_s_2_threads"), ("scan_filter", "shuffled_nodes_ms"), ("three_hop_count", "nodes_per_s")):
    assert key in engines, key
CHECK
python3 - lines.json <<'CHECK'
import json
import sys

lines = [json.loads(line) for line in open(sys.argv[1])]
figures, last = lines[:-1], lines[-1]
assert list(last) == ["summary"], last
for f in figures:  # a figure has its ratio to each peer with it, where there is one to compare with
    ratios = {name.rsplit("/vs_", 1)[1]: v for name, v in last["summary"].items() if name.startswith("%s/%s/%s/vs_" % (f["workload"], f["graph"], f["metric"]))}
    assert f.get("ratios", {}) == (ratios if f["engine"] == "sombra" else {}), f
assert any(f.get("ratios", {}).get("raw", 0) > 0 for f in figures)
assert last["summary"] and all(isinstance(v, float) for v in last["summary"].values())
values = {}
for f in figures:
    assert {"workload", "graph", "engine", "metric", "value", "unit"} <= set(f), f
    key = (f["workload"], f["engine"], f["metric"])
    assert key not in values, key
    values[key] = f["value"]
engines = {f["engine"] for f in figures}
for engine in engines:  # the same metric names for every engine
    for metric in ("elements_per_s", "ns_per_element", "ns_per_element_without_sync"):
        assert values["bulk_edge_creation", engine, metric] > 0, (engine, metric)
assert values["bulk_edge_creation", "sombra", "builder_elements_per_s"] > 0
for metric in ("syncs", "builder_syncs"):
    assert 1 <= values["bulk_edge_creation", "sombra", metric] <= 3, metric

cache = {m: v for (w, _, m), v in values.items() if w == "exists_cache"}
assert cache["distinct_endpoints"] == 1000
for how in ("batch", "single"):
    assert cache[f"node_lookups_{how}_without"] == 8000
for capacity in (0, 1024, 8192, 32768):
    assert cache[f"node_lookups_batch_capacity_{capacity}"] == 1000, capacity
    single = cache[f"node_lookups_single_capacity_{capacity}"]
    seen = single + cache[f"cache_hits_single_capacity_{capacity}"]
    assert 8000 - cache["loops"] <= seen <= 8000, capacity
assert cache["cache_hits_single_capacity_0"] == 0
assert cache["node_lookups_single_capacity_1024"] < 6000
assert cache["node_lookups_single_capacity_32768"] < 1100
assert cache["node_lookups_same_transaction"] == 0
assert cache["known_in_same_transaction"] == 8000

put = {m: v for (w, _, m), v in values.items() if w == "put_many_allocations"}
for kind in ("slotted", "columnar", "list"):
    assert put[f"{kind}_allocations_per_1000"] < 1, kind
assert put["slotted_allocations_per_1000_parts_off"] > 1000
assert put["bulk_second_allocations_per_1000"] < put["bulk_second_allocations_per_1000_parts_off"]

profile = {m: v for (w, _, m), v in values.items() if w == "profiling_overhead"}
assert profile["clock_calls_off"] == 0 and profile["load_ms_on"] > 0
for way in ("whole_graph", "onto_committed", "one_call_each"):
    for part in ("exists_cache", "sort_guard", "buffer_pool", "inline_snapshot", "put_reuse", "leaf_reuse", "profile_off", "all"):
        assert values["seed_ablation", "sombra", f"{way}_without_{part}_to_none"] > 0, (way, part)
print(f"{len(figures)} figures are as they should be")
CHECK
