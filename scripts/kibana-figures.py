#!/usr/bin/env python3
"""Compares the figures of every chart that is made by hand with those counted from exported documents.

usage: scripts/kibana-figures.py [--stream NAME] ELASTICSEARCH_URL DOCUMENTS FROM TO
       scripts/kibana-figures.py [--stream NAME] ELASTICSEARCH_URL --times FROM TO

The charts are those of `rsvps`, or of the stream NAME.

DOCUMENTS is a folder with VIEW.ndjson files, written by `pulso export VIEW --layer current`; Elasticsearch must
hold the same documents. The script reads the charts' queries from the file and answers them twice: with the
aggregations that Kibana makes, and by a naive evaluation here. It reports times over 300 ms, and exits with
code 0 if all figures are equal.

With `--times`, it sends the query of each panel, including maps, three times and prints the best time: as
Elasticsearch reports it (`took`), and until the answer was read. The request cache is off.
"""
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from datetime import datetime, timedelta, timezone

NOW = datetime.now(timezone.utc)
STEP = timedelta(minutes=1)  # the interval of charts over time when figures are compared
# Kibana chooses the smallest of these intervals that gives at most BARS_MAX bars.
STEPS = [timedelta(seconds=n) for n in (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 43_200, 86_400, 604_800)]
BARS_MAX = 100
ROUNDS = 3
MAP_PRECISION = 5  # the cells of a coarse grid over the whole world


def millis(value):
    if isinstance(value, str):
        value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        value = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return round(value.timestamp() * 1000)


def get(document, name):
    name = {"country": "group.country", "topic": "topics"}.get(name, name) if name not in document else name
    for part in name.removesuffix(".text").split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


# -- queries: the part of Kibana's query language that the charts use

def conditions(query):
    for part in filter(None, query.split(" and ")):
        negated = part.startswith("not ")
        sign = " >= " if " >= " in part else ": "
        name, value = part.removeprefix("not ").split(sign)
        yield negated, name.strip('"'), sign.strip(), value


def as_filters(query):
    for negated, name, sign, value in conditions(query):
        if sign == ">=":
            found = {"range": {name: {"gte": millis(NOW), "format": "epoch_millis"}}}
        elif value == "*":
            found = {"exists": {"field": name}}
        else:
            found = {"term": {name: value}}
        yield {"bool": {"must_not": found}} if negated else found


def matches(document, query):
    for negated, name, sign, value in conditions(query):
        own = get(document, name)
        own = own if isinstance(own, list) else [own]
        if sign == ">=":
            found = any(item is not None and millis(item) >= millis(NOW) for item in own)
        else:
            found = any(item is not None and (value == "*" or str(item) == value) for item in own)
        if found == negated:
            return False
    return True


# -- answers from Elasticsearch

def metric_aggregation(column):
    """Returns `None` for the number of documents, which every bucket has anyway."""
    field, operation = column.get("sourceField"), column["operationType"]
    if operation == "last_value":
        hits = {"size": 1, "sort": [{"@timestamp": "desc"}], "_source": False, "docvalue_fields": [field]}
        inner = {"top_hits": hits}
    elif operation == "count":
        inner = None
    else:
        inner = {{"unique_count": "cardinality"}.get(operation, operation): {"field": field}}
    filters = list(as_filters(query_of(column)))
    if not filters:
        return inner
    return {"filter": {"bool": {"filter": filters}}, **({"aggs": {"in": inner}} if inner else {})}


def query_of(column):
    return column.get("filter", {}).get("query", "")


def order_of(column, columns):
    order = column["params"]["orderBy"]
    if order["type"] == "alphabetical":
        return None
    return columns[order["columnId"]] if order["type"] == "column" else column["params"]["orderAgg"]


def bucket_aggregation(column, columns, inner, step):
    if column["operationType"] == "date_histogram":
        interval = interval_of(column, step)
        return {"date_histogram": {"field": "@timestamp", "fixed_interval": interval, "min_doc_count": 1}, "aggs": inner}
    params = column["params"]
    size, order = params["size"], {"_key": params["orderDirection"]}
    by = order_of(column, columns)
    if by:
        aggregation, path = metric_aggregation(by), "_count"
        if aggregation:
            path = params["orderBy"].get("columnId", "order")
            inner = {**inner, path: aggregation}
            path += ">in" if "aggs" in aggregation else ""
        order = {path: params["orderDirection"]}
    shard_size = max(1000, size * 3 // 2 + 10) if params.get("accuracyMode") else None
    terms = {"size": size, "order": order, **({"shard_size": shard_size} if shard_size else {})}
    names = [column["sourceField"], *params.get("secondaryFields", [])]
    if len(names) > 1:
        return {"multi_terms": {"terms": [{"field": name} for name in names], **terms}, "aggs": inner}
    return {"terms": {"field": names[0], **terms}, "aggs": inner}


def interval_of(column, step):
    own = column["params"]["interval"]
    return f"{step.total_seconds():.0f}s" if own == "auto" else own


def width_of(column):
    interval = interval_of(column, STEP)
    return int(interval[:-1]) * {"s": 1000, "h": 3_600_000, "d": 86_400_000}[interval[-1]]


def search_body(columns, buckets, metrics, query, start, end, step=STEP):
    asked = {name: metric_aggregation(columns[name]) for name in metrics}
    aggregations = {name: aggregation for name, aggregation in asked.items() if aggregation}
    for name in reversed(buckets):
        aggregations = {"bucket": bucket_aggregation(columns[name], columns, aggregations, step)}
    span = {"range": {"@timestamp": {"gte": millis(start), "lte": millis(end), "format": "epoch_millis"}}}
    filters = {"bool": {"filter": [span, *as_filters(query)]}}
    return {"size": 0, "track_total_hits": None in asked.values(), "query": filters, "aggs": aggregations}


def rows_of(answer, depth, columns, metrics, key=()):
    if depth:
        for bucket in answer["bucket"]["buckets"]:
            value = tuple(bucket["key"]) if isinstance(bucket["key"], list) else bucket["key"]
            yield from rows_of(bucket, depth - 1, columns, metrics, (*key, value))
        return
    yield key, [metric_of(answer, name, columns[name]) for name in metrics]


def metric_of(bucket, name, column):
    inner = bucket[name] if name in bucket else bucket
    if column["operationType"] == "count":
        return inner["doc_count"]
    inner = inner.get("in", inner)
    if "hits" not in inner:
        return inner["value"]
    fields = [hit.get("fields", {}) for hit in inner["hits"]["hits"]]
    return next(iter(fields[0].values()))[0] if fields and fields[0] else None


# -- answers from the documents

def value_of(documents, column):
    field, operation = column.get("sourceField"), column["operationType"]
    documents = [document for document in documents if matches(document, query_of(column))]
    if operation == "count":
        return len(documents)
    if operation == "last_value":
        last = max(documents, key=lambda document: millis(document["@timestamp"]), default=None)
        return None if last is None else get(last, field)
    values = [get(document, field) for document in documents]
    flat = [item for value in values for item in (value if isinstance(value, list) else [value]) if item is not None]
    if flat and isinstance(flat[0], str) and operation in ("max", "min"):
        flat = [millis(item) for item in flat]
    if operation == "unique_count":
        return len(set(flat))
    return {"sum": sum, "max": max, "min": min}[operation](flat, **({} if operation == "sum" else {"default": None}))


def groups_of(documents, column, columns):
    groups = defaultdict(list)
    for document in documents:
        if column["operationType"] == "date_histogram":
            width = width_of(column)
            groups[millis(document["@timestamp"]) // width * width].append(document)
            continue
        value = get(document, column["sourceField"])
        if others := column["params"].get("secondaryFields"):
            value = (value, *(get(document, name) for name in others))
            value = None if None in value else value
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                groups[item].append(document)
    if column["operationType"] == "date_histogram":
        return sorted(groups.items())
    by, sign = order_of(column, columns), -1 if column["params"]["orderDirection"] == "desc" else 1
    ordered = sorted(groups.items(), key=lambda item: item[0])
    if by:
        ordered.sort(key=lambda item: sign * (value_of(item[1], by) or 0))
    elif sign < 0:
        ordered.reverse()
    return ordered[: column["params"]["size"]]


def recount(documents, buckets, columns, metrics, key=()):
    if not buckets:
        yield key, [value_of(documents, columns[name]) for name in metrics]
        return
    for value, inside in groups_of(documents, columns[buckets[0]], columns):
        yield from recount(inside, buckets[1:], columns, metrics, (*key, value))


# -- the comparison

def same(left, right):
    if isinstance(left, str) and isinstance(right, str) and left != right:
        left, right = millis(left), millis(right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return abs(left - right) <= 1e-9 * max(1, abs(left))
    return left == right


def differences(found, expected):
    if [key for key, _ in found] != [key for key, _ in expected]:
        yield f"rows {[key for key, _ in found][:3]}… for {[key for key, _ in expected][:3]}…"
        return
    for (key, left), (_, right) in zip(found, expected):
        if not all(same(one, other) for one, other in zip(left, right)):
            yield f"{key}: {left} for {right}"


def questions(charts, start, end):
    """Yields the query of each chart, once for each period that the chart compares."""
    for chart in charts:
        state = chart["attributes"]["state"]
        query = state["query"]["query"]
        for name, layer in state["datasourceStates"]["formBased"]["layers"].items():
            view = referred(chart, f"indexpattern-datasource-layer-{name}")
            columns = layer["columns"]
            buckets = [item for item in layer["columnOrder"] if columns[item]["isBucketed"]]
            asked = [item for item in layer["columnOrder"] if columns[item]["operationType"] not in ("formula", "math")]
            for shift in sorted({columns[item].get("timeShift", "") for item in asked}):
                metrics = [item for item in asked if item not in buckets and columns[item].get("timeShift", "") == shift]
                before = end - start if shift == "previous" else timedelta(0)
                yield chart["id"], view, columns, buckets, metrics, query, start - before, end - before


def compare(objects, url, folder, start, end):
    charts = [item for item in objects if item["type"] == "lens"]
    views, figures, wrong, slowest = {}, 0, 0, (0, "")
    for chart, view, columns, buckets, metrics, query, begin, until in questions(charts, start, end):
        if view not in views:
            with open(f"{folder}/{view.removeprefix('pulso-')}.ndjson") as lines:
                views[view] = [json.loads(line) for line in lines]
        answer, took, _ = search(url, view, search_body(columns, buckets, metrics, query, begin, until))
        slowest = max(slowest, (took, chart))
        inside = [document for document in views[view] if matches(document, query)
                  and millis(begin) <= millis(document["@timestamp"]) <= millis(until)]
        expected = list(recount(inside, buckets, columns, metrics))
        whole = {"doc_count": answer["hits"].get("total", {}).get("value"), **answer.get("aggregations", {})}
        found = list(rows_of(whole, len(buckets), columns, metrics))
        figures += sum(len(values) for _, values in found)
        for difference in differences(found, expected):
            wrong += 1
            print(f"different: {chart}: {difference}")
        if took > 300:
            print(f"slow: {chart}: {took} ms")
    print(f"{len(charts)} charts, {figures} figures, {wrong} different; slowest {slowest[0]} ms ({slowest[1]})")
    return 1 if wrong else 0


# -- the time that panels take

def map_questions(maps, start, end):
    """Yields the query for a map's documents or cells, for the whole world."""
    for item in maps:
        for layer in json.loads(item["attributes"]["layerListJSON"]):
            source = layer["sourceDescriptor"]
            if "indexPatternRefName" not in source:
                continue
            body = search_body({}, [], [], layer["query"]["query"], start, end)
            if source["type"] == "ES_SEARCH":
                hits = {"size": source["topHitsSize"], "sort": [{source["sortField"]: source["sortOrder"]}]}
                split = {"terms": {"field": source["topHitsSplitField"], "size": 10_000, "shard_size": 10_000}}
                body["aggs"] = {"split": {**split, "aggs": {"hits": {"top_hits": hits}}}}
            else:
                metrics = {f"m{n}": {metric["type"]: {"field": metric["field"]}}
                           for n, metric in enumerate(source["metrics"]) if "field" in metric}
                centroid = {"geo_centroid": {"field": source["geoField"]}}
                grid = {"field": source["geoField"], "precision": MAP_PRECISION, "size": 65_535, "shard_size": 65_535}
                body["aggs"] = {"cells": {"geotile_grid": grid, "aggs": {"centroid": centroid, **metrics}}}
            yield item["id"], referred(item, source["indexPatternRefName"]), body


def times(objects, url, start, end):
    charts = questions([item for item in objects if item["type"] == "lens"], start, end)
    step = next(step for step in STEPS if (end - start) / step <= BARS_MAX)
    asked = [(chart, view, search_body(columns, buckets, metrics, query, begin, until, step))
             for chart, view, columns, buckets, metrics, query, begin, until in charts]
    asked += map_questions([item for item in objects if item["type"] == "map"], start, end)
    print(f"{'took ms':>8} {'wall ms':>8}  panel (view), best of {ROUNDS}")
    for panel, view, body in asked:
        rounds = [search(url, view, body)[1:] for _ in range(ROUNDS)]
        took, wall = map(min, zip(*rounds))
        print(f"{took:8} {wall:8.1f}  {panel} ({view})")
    return 0


def main(stream, url, folder, start, end):
    path = os.path.join(os.path.dirname(__file__), f"../crates/streams/{stream}/kibana.ndjson")
    with open(path) as lines:
        objects = [json.loads(line) for line in lines]
    if folder == "--times":
        return times(objects, url, start, end)
    return compare(objects, url, folder, start, end)


def referred(item, name):
    return next(reference["id"] for reference in item["references"] if reference["name"] == name)


def search(url, view, body):
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{url}/{view}/_search?request_cache=false", json.dumps(body).encode(), headers)
    begin = time.monotonic()
    try:
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        sys.exit(f"error: {view}: {error.read().decode()}")
    except urllib.error.URLError as error:
        sys.exit(f"error: no Elasticsearch at {url}: {error.reason}")
    return answer, answer["took"], (time.monotonic() - begin) * 1000


if __name__ == "__main__":
    arguments, stream = sys.argv[1:], "rsvps"
    if arguments[:1] == ["--stream"]:
        stream, arguments = arguments[1], arguments[2:]
    if len(arguments) != 4:
        sys.exit(__doc__)
    span = [datetime.fromisoformat(text.replace("Z", "+00:00")) for text in arguments[2:]]
    sys.exit(main(stream, arguments[0].rstrip("/"), arguments[1], *span))
