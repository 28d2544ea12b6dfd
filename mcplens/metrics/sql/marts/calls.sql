-- Everything that was asked for: tools, prompts and resources, also what is still open and what warmed a
-- server up.
create or replace view calls as
with

ended as (

    select * from stg_events

),

still_open as (

    select * from stg_open_events

),

requests as (

    select * from ended
    union all
    select * from still_open

),

final as (

    select
        coalesce(call_id, event_id) as call_id,
        event_id,
        run_id,
        connection_id,
        session_id,
        session_basis,
        sequence,

        client_name,
        client_version,
        agent_id,
        user_id,

        server_name,
        server_version,
        tool_name,
        method,
        target,
        definition_hash,
        transport,
        protocol_version,

        started_at,
        ended_at,
        trace_id,
        span_id,
        test_id,
        is_warmup,
        coalesce(attempt, 1) as attempt,
        retry_of,
        round as round_count,

        arguments,
        arguments_hash,
        arguments_shape,
        request_bytes,

        credential_mode,
        credential_id,
        credential_scope,
        upstream,

        outcome,
        outcome_basis,
        is_success,
        is_caller_error,
        error_class,
        error_rule,
        error_code,
        error_message,
        error_origin,
        http_status,

        duration_ms,
        wait_ms,
        work_ms,
        first_progress_ms,
        progress_count,

        result,
        result_hash,
        response_bytes,
        content_kinds,
        is_structured,
        is_schema_valid,
        is_read_only,
        is_idempotent,
        is_destructive,

        side_effects,
        reversibility,
        cost_usd,
        input_tokens,
        output_tokens,
        checkpoint,
        note_basis
    from requests
    where is_final

)

select * from final;

comment on view calls is 'One row per call: a tool, prompt or resource asked for, and how it ended.';
comment on column calls.call_id is 'The call.';
comment on column calls.event_id is 'The request that ended it, its last round.';
comment on column calls.run_id is 'The recording this row belongs to.';
comment on column calls.connection_id is 'The connection it travelled on.';
comment on column calls.session_id is 'The calls that belong together for the user.';
comment on column calls.session_basis is
'How the session is known: handle, protocol, trace, client_process or connection.';
comment on column calls.sequence is 'Counts the requests of a run from 1; a gap is a lost event.';
comment on column calls.client_name is 'What the client calls itself.';
comment on column calls.client_version is 'The client''s version by its own word.';
comment on column calls.agent_id is 'The agent on whose behalf the client called.';
comment on column calls.user_id is 'The user on whose behalf the client called.';
comment on column calls.server_name is 'The server.';
comment on column calls.server_version is 'The server''s version by its own word.';
comment on column calls.tool_name is 'The tool; NULL for prompts and resources.';
comment on column calls.method is 'The JSON-RPC method, such as tools/call.';
comment on column calls.target is 'The tool, prompt or resource asked for; of a URI never the query string.';
comment on column calls.definition_hash is 'The definition of the target that was in force.';
comment on column calls.transport is 'stdio, http, sse or memory.';
comment on column calls.protocol_version is 'The MCP version that was spoken, such as 2026-07-28.';
comment on column calls.started_at is 'When it was first asked for, UTC.';
comment on column calls.ended_at is 'When it ended, UTC; NULL while it is open.';
comment on column calls.trace_id is 'The W3C trace the request carried.';
comment on column calls.span_id is 'The W3C parent span the request carried.';
comment on column calls.test_id is 'The test that made the call.';
comment on column calls.is_warmup is 'Whether the call only warmed the server up; budgets leave it out.';
comment on column calls.attempt is
'Which try of the same call this is, from 1: the same tool and arguments again after a failure.';
comment on column calls.retry_of is 'The failed call that this one repeats.';
comment on column calls.round_count is 'Rounds it took.';
comment on column calls.arguments is 'The arguments as JSON text; only where keeping contents was asked for.';
comment on column calls.arguments_hash is 'Keyed hash of the arguments: equal arguments, equal hash.';
comment on column calls.arguments_shape is
'The arguments'' declared keys with types and sizes in place of values, as JSON text.';
comment on column calls.request_bytes is 'Size of the request message, in bytes.';
comment on column calls.credential_mode is 'Whose credential the call used: user, service, none.';
comment on column calls.credential_id is 'Keyed fingerprint of the credential.';
comment on column calls.credential_scope is 'What the credential allows.';
comment on column calls.upstream is 'The system behind the tool that did the work.';
comment on column calls.outcome is 'How it ended; NULL while it is open.';
comment on column calls.outcome_basis is 'How the outcome is known.';
comment on column calls.is_success is
'Whether it succeeded; NULL while it is open, when it was cancelled, and when nobody knows.';
comment on column calls.is_caller_error is
'Whether the caller was at fault: wrong arguments or an unknown tool.';
comment on column calls.error_class is 'Why it failed.';
comment on column calls.error_rule is 'The rule that decided on the error class.';
comment on column calls.error_code is 'The JSON-RPC error code.';
comment on column calls.error_message is 'The error''s text as a template, without values.';
comment on column calls.error_origin is 'Where the error came from: server, client, transport or observer.';
comment on column calls.http_status is 'The HTTP status of the answer.';
comment on column calls.duration_ms is 'First request seen to last answer seen, in ms.';
comment on column calls.wait_ms is 'The part of the duration spent on a person or a model, in ms.';
comment on column calls.work_ms is 'The rest of the duration, in ms.';
comment on column calls.first_progress_ms is 'Request seen to first progress seen, in ms.';
comment on column calls.progress_count is 'Progress notifications seen.';
comment on column calls.result is 'The result as JSON text; only where keeping contents was asked for.';
comment on column calls.result_hash is 'Keyed hash of the result.';
comment on column calls.response_bytes is 'Size of the answer message, in bytes.';
comment on column calls.content_kinds is 'The kinds of content in the result, each once.';
comment on column calls.is_structured is 'Whether the result had structured content.';
comment on column calls.is_schema_valid is 'Whether the structured content is what outputSchema says.';
comment on column calls.is_read_only is 'The tool''s readOnlyHint.';
comment on column calls.is_idempotent is 'The tool''s idempotentHint.';
comment on column calls.is_destructive is 'The tool''s destructiveHint.';
comment on column calls.side_effects is 'What the call changed outside of itself.';
comment on column calls.reversibility is 'no_effect, reversible or permanent.';
comment on column calls.cost_usd is 'What the call cost, in US dollars.';
comment on column calls.input_tokens is 'Tokens a model read for the call.';
comment on column calls.output_tokens is 'Tokens a model wrote for the call.';
comment on column calls.checkpoint is 'How far the work had come, in the tool''s words.';
comment on column calls.note_basis is
'Where the notes came from: tool, result, configuration or log.';
