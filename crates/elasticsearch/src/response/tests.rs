//! Parses answers as Elasticsearch 9.2.0 gave them.

use serde_json::json;

use super::*;

fn fates(body: &str) -> Vec<Fate> {
    let response = Response { status: 200, body: body.to_owned().into() };
    let answer: BulkAnswer = response.parse().unwrap();
    answer.items.into_iter().map(ItemAnswer::fate).collect()
}

fn kind(fate: &Fate) -> &str {
    match fate {
        Fate::Later(refusal) | Fate::Rejected(refusal) | Fate::Failed(refusal) => &refusal.kind,
        Fate::Done | Fate::Missing => "",
    }
}

#[test]
fn each_item_has_its_own_fate() {
    // Created, there already, not a number, an unknown field, no place on earth, no such index,
    // nothing to delete, nothing to delete it from, cut off.
    let found = fates(concat!(
        r#"{"items":[{"create":{"status":201}},"#,
        r#"{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","#,
        r#""reason":"[1]: version conflict, document already exists (current version [1])"}}},"#,
        r#"{"index":{"status":400,"error":{"type":"document_parsing_exception","#,
        r#""reason":"[1:6] failed to parse field [a] of type [long] in document with id '2'. "#,
        r#"Preview of field's value: 'x'","caused_by":{"type":"illegal_argument_exception","#,
        r#""reason":"For input string: \"x\""}}}},"#,
        r#"{"index":{"status":400,"error":{"type":"strict_dynamic_mapping_exception","#,
        r#""reason":"[1:6] mapping set to strict, dynamic introduction of [b] within [_doc] "#,
        r#"is not allowed"}}},"#,
        r#"{"index":{"status":400,"error":{"type":"document_parsing_exception","#,
        r#""reason":"[1:24] failed to parse field [l] of type [geo_point]","#,
        r#""caused_by":{"type":"illegal_argument_exception","#,
        r#""reason":"illegal latitude value [200.0] for l"}}}},"#,
        r#"{"index":{"status":404,"error":{"type":"index_not_found_exception","#,
        r#""reason":"no such index [rec-2-write] and [require_alias] request flag is [true] and "#,
        r#"[rec-2-write] is not an alias","index_uuid":"_na_","index":"rec-2-write"}}},"#,
        r#"{"delete":{"status":404}},"#,
        r#"{"delete":{"status":404,"error":{"type":"index_not_found_exception","#,
        r#""reason":"no such index [rec-2-write]","resource.type":"index_or_alias"}}},"#,
        r#"{"index":{"status":400,"error":{"type":"document_parsing_exception","#,
        r#""reason":"[1:6] failed to parse: [1:7] Unexpected end of file"}}}]}"#,
    ));
    assert_eq!(found[0], Fate::Done);
    assert_eq!(found[1], Fate::Done, "the first one stays");
    for rejected in [2, 3, 4, 8] {
        assert!(matches!(found[rejected], Fate::Rejected(_)), "{:?}", found[rejected]);
    }
    assert_eq!(kind(&found[3]), "strict_dynamic_mapping_exception");
    let Fate::Rejected(refusal) = &found[4] else { panic!() };
    assert!(refusal.to_string().ends_with("illegal latitude value [200.0] for l"), "{refusal}");
    assert_eq!(found[5], Fate::Missing);
    assert_eq!(found[6], Fate::Done, "it is gone, as it should be");
    assert_eq!(found[7], Fate::Missing);
}

#[test]
fn what_is_not_about_the_document_rejects_none() {
    let of = |item: &str| fates(&format!(r#"{{"items":[{{"index":{item}}}]}}"#)).remove(0);
    let full = of(concat!(
        r#"{"status":429,"error":{"type":"cluster_block_exception","reason":"index [rec-1] blocked "#,
        r#"by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has "#,
        r#"read-only-allow-delete block];"}}"#
    ));
    assert!(matches!(full, Fate::Later(_)), "{full:?}");
    let blocked = of(concat!(
        r#"{"status":403,"error":{"type":"cluster_block_exception","#,
        r#""reason":"index [rec-1] blocked by: [FORBIDDEN/8/index write (api)];"}}"#
    ));
    assert!(matches!(blocked, Fate::Failed(_)), "{blocked:?}");
    let closed = of(concat!(
        r#"{"status":400,"error":{"type":"index_closed_exception","reason":"closed","#,
        r#""index_uuid":"C5v5XIc4SJmeI08oQX907g","index":"rec-1"}}"#
    ));
    assert!(matches!(closed, Fate::Failed(_)), "{closed:?}");
}

#[test]
fn an_error_is_told_in_the_words_of_the_server() {
    let refusal = |status, body: &str| Response { status, body: body.to_owned().into() }.refusal();
    let found = refusal(
        400,
        concat!(
            r#"{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"mapper [a] "#,
            r#"cannot be changed from type [long] to [keyword]"}],"#,
            r#""type":"illegal_argument_exception","#,
            r#""reason":"mapper [a] cannot be changed from type [long] to [keyword]"},"status":400}"#
        ),
    );
    assert_eq!(
        found.to_string(),
        "the server answered 400: illegal_argument_exception: mapper [a] cannot be changed from \
         type [long] to [keyword]"
    );
    let proxy = refusal(502, "<html>Bad Gateway</html>");
    assert!(proxy.to_string().contains("Bad Gateway") && proxy.passes());
}

/// As the server says it on a node that holds one shard and may hold one.
#[test]
fn a_lack_of_shards_is_told_from_other_refusals_of_settings() {
    use crate::error::{Error, Operation};
    use pulso_pipeline::{AdapterError, Retry};

    let refused = |reason: &str| {
        let body = json!({ "error": { "type": "validation_exception", "reason": reason } });
        let response = Response { status: 400, body: body.to_string().into() };
        Error::refused(Operation::OpenIndex, "http://a:1".to_owned(), response.refusal())
    };
    let full = refused(
        "Validation Failed: 1: this action would add [1] shards, but this cluster currently has \
         [1]/[1] maximum normal shards open;",
    );
    assert!(matches!(full, Error::ShardLimit { .. }), "{full:?}");
    assert_eq!(full.retry(), Retry::Backoff);
    let other = refused("Validation Failed: 1: index name is missing;");
    assert!(matches!(other, Error::Answer { .. }), "{other:?}");
    assert_eq!(other.retry(), Retry::No);
}
