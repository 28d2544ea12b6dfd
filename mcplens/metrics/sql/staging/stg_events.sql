-- Every request that has ended, with the words of "how a call ends" made columns. What is still open stands
-- in stg_open_events, so that counting what has ended never pays for looking for what has not. What a second
-- observer saw of the same connection is left out.
create or replace view stg_events as
with

ended as (

    select * from raw_unique_events
    where outcome is not null

),

final as (

    select
        -- Counting rows reads the first column: it is a small one.
        is_final,

        -- Who called what?
        event_id,
        run_id,
        connection_id,
        observer,
        sequence,
        direction,
        request_id,
        call_id,
        round,
        attempt,
        retry_of,
        session_id,
        session_basis,
        client_name,
        client_version,
        agent_id,
        user_id,
        server_name,
        server_basis,
        server_version,
        transport,
        http_status,
        protocol_version,
        method,
        target,
        definition_hash,
        trace_id,
        span_id,
        test_id,
        is_warmup,
        started_at,
        arguments,
        arguments_hash,
        arguments_shape,
        request_bytes,

        -- With what credentials?
        credential_mode,
        credential_id,
        credential_scope,
        upstream,

        -- What happened?
        outcome,
        outcome_basis,
        error_class,
        error_rule,
        error_code,
        error_message,
        error_origin,
        duration_ms,
        wait_ms,
        work_ms,
        duration_bin,
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

        -- What is left behind?
        side_effects,
        reversibility,
        cost_usd,
        input_tokens,
        output_tokens,
        checkpoint,
        note_basis,

        -- About the recorder itself
        lost_before,
        recorded_at,

        -- What it counts for. The commonest case comes first, which saves a third of the time.
        case when method = 'tools/call' then target end as tool_name,
        started_at
        + to_microseconds(cast(floor(least(duration_ms, 1000000000000) * 1000) as bigint)) as ended_at,
        case
            when outcome = 'ok' then error_class is null
            when outcome not in ('cancelled', 'unknown', 'input_required') then false
        end as is_success,
        case
            when error_class is not null then error_class in ('invalid_arguments', 'unknown_tool')
            else false
        end as is_caller_error,
        outcome in ('timeout', 'disconnected', 'unanswered') as is_without_answer,
        case
            when outcome = 'ok' then work_ms
            when outcome in ('tool_error', 'protocol_error', 'timeout', 'unknown') then work_ms
        end as measured_ms
    from ended

)

select * from final;

comment on view stg_events is 'One row per JSON-RPC request that has ended, and how.';
comment on column stg_events.event_id is 'The request; run and sequence together.';
comment on column stg_events.run_id is 'The recording this row belongs to.';
comment on column stg_events.connection_id is 'The connection it travelled on.';
comment on column stg_events.observer is 'Where the recorder stood: proxy, client, server or import.';
comment on column stg_events.sequence is 'Counts the requests of a run from 1; a gap is a lost event.';
comment on column stg_events.direction is 'to_server when the client asked, to_client when the server did.';
comment on column stg_events.request_id is 'The JSON-RPC id as JSON text, so that 7 and "7" differ.';
comment on column stg_events.call_id is 'The call that this request is a round of.';
comment on column stg_events.round is 'Which round of its call this is, from 1.';
comment on column stg_events.is_final is 'Whether this is the last round, which carries the call''s totals.';
comment on column stg_events.attempt is 'Which try of the same call by the agent this is, from 1.';
comment on column stg_events.retry_of is 'The failed call that this one repeats.';
comment on column stg_events.session_id is 'The calls that belong together for the user.';
comment on column stg_events.session_basis is
'How the session is known: handle, protocol, trace, client_process or connection.';
comment on column stg_events.client_name is 'What the client calls itself.';
comment on column stg_events.client_version is 'The client''s version by its own word.';
comment on column stg_events.agent_id is 'The agent on whose behalf the client called.';
comment on column stg_events.user_id is 'The user on whose behalf the client called.';
comment on column stg_events.server_name is 'The server.';
comment on column stg_events.server_basis is
'How the server''s name is known: option, handshake, command or log.';
comment on column stg_events.server_version is 'The server''s version by its own word.';
comment on column stg_events.transport is 'stdio, http, sse or memory.';
comment on column stg_events.http_status is 'The HTTP status of the answer.';
comment on column stg_events.protocol_version is 'The MCP version that was spoken, such as 2026-07-28.';
comment on column stg_events.method is 'The JSON-RPC method, such as tools/call.';
comment on column stg_events.target is
'The tool, prompt or resource asked for; of a URI never the query string.';
comment on column stg_events.definition_hash is 'The definition of the target that was in force.';
comment on column stg_events.trace_id is 'The W3C trace the request carried.';
comment on column stg_events.span_id is 'The W3C parent span the request carried.';
comment on column stg_events.test_id is 'The test that made the call.';
comment on column stg_events.is_warmup is 'Whether the call only warmed the server up; budgets leave it out.';
comment on column stg_events.started_at is
'When the request was seen, UTC; of a last round, when the first was.';
comment on column stg_events.arguments is
'The arguments as JSON text; only where keeping contents was asked for.';
comment on column stg_events.arguments_hash is 'Keyed hash of the arguments: equal arguments, equal hash.';
comment on column stg_events.arguments_shape is
'The arguments'' declared keys with types and sizes in place of values, as JSON text.';
comment on column stg_events.request_bytes is 'Size of the request message, in bytes.';
comment on column stg_events.credential_mode is 'Whose credential the call used: user, service, none.';
comment on column stg_events.credential_id is 'Keyed fingerprint of the credential.';
comment on column stg_events.credential_scope is 'What the credential allows.';
comment on column stg_events.upstream is 'The system behind the tool that did the work.';
comment on column stg_events.outcome is 'How it ended; NULL while nothing has ended it.';
comment on column stg_events.outcome_basis is 'How the outcome is known.';
comment on column stg_events.error_class is 'Why it failed.';
comment on column stg_events.error_rule is 'The rule that decided on the error class.';
comment on column stg_events.error_code is 'The JSON-RPC error code.';
comment on column stg_events.error_message is 'The error''s text as a template, without values.';
comment on column stg_events.error_origin is
'Where the error came from: server, client, transport or observer.';
comment on column stg_events.duration_ms is
'Request seen to answer seen, in ms; of a last round, from the first request on.';
comment on column stg_events.wait_ms is 'The part of the duration spent on a person or a model, in ms.';
comment on column stg_events.work_ms is 'The rest of the duration, in ms.';
comment on column stg_events.duration_bin is
'Logarithmic bin of work_ms for summaries with at most 1 % error.';
comment on column stg_events.first_progress_ms is 'Request seen to first progress seen, in ms.';
comment on column stg_events.progress_count is 'Progress notifications seen.';
comment on column stg_events.result is 'The result as JSON text; only where keeping contents was asked for.';
comment on column stg_events.result_hash is 'Keyed hash of the result.';
comment on column stg_events.response_bytes is 'Size of the answer message, in bytes.';
comment on column stg_events.content_kinds is 'The kinds of content in the result, each once.';
comment on column stg_events.is_structured is 'Whether the result had structured content.';
comment on column stg_events.is_schema_valid is 'Whether the structured content is what outputSchema says.';
comment on column stg_events.is_read_only is 'The tool''s readOnlyHint.';
comment on column stg_events.is_idempotent is 'The tool''s idempotentHint.';
comment on column stg_events.is_destructive is 'The tool''s destructiveHint.';
comment on column stg_events.side_effects is 'What the call changed outside of itself.';
comment on column stg_events.reversibility is 'no_effect, reversible or permanent.';
comment on column stg_events.cost_usd is 'What the call cost, in US dollars.';
comment on column stg_events.input_tokens is 'Tokens a model read for the call.';
comment on column stg_events.output_tokens is 'Tokens a model wrote for the call.';
comment on column stg_events.checkpoint is 'How far the work had come, in the tool''s words.';
comment on column stg_events.note_basis is
'Where the notes came from: tool, result, configuration or log.';
comment on column stg_events.lost_before is 'Messages or events lost since the row before this one.';
comment on column stg_events.recorded_at is 'When the recorder wrote the row into its spool, UTC.';
comment on column stg_events.tool_name is 'The tool asked for; NULL when it was no tools/call.';
comment on column stg_events.ended_at is
'When the answer was seen or waiting for it ended, UTC; NULL while it is open.';
comment on column stg_events.is_success is
'Whether it succeeded: ok, without an error class; NULL where open, cancelled, unknown or not the last.';
comment on column stg_events.is_caller_error is
'Whether the caller was at fault: wrong arguments or an unknown tool.';
comment on column stg_events.is_without_answer is
'Whether no answer came while the caller waited; that is over every latency budget.';
comment on column stg_events.measured_ms is
'work_ms where it counts for quantiles: answered calls, and the time waited for a timeout.';
