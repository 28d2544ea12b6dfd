-- The calls that a tool is judged by. A call that is still open has no outcome to count yet; a warm-up call
-- was made to be slow. Both stand in calls.
create or replace view int_tool_calls as
with

requests as (

    select * from stg_events

),

final as (

    select
        call_id,
        session_id,
        server_name,
        tool_name,
        started_at,
        outcome,
        error_class,
        is_success,
        is_caller_error,
        is_without_answer,
        measured_ms,
        case
            when measured_ms is not null
                -- The tail has no bins yet; sealing makes the same ones.
                then coalesce(
                    duration_bin,
                    cast(ceil(ln(greatest(measured_ms, cast(0.000001 as double))) / ln(1.02)) as bigint)
                )
        end as measured_bin
    from requests
    where
        is_final
        and method = 'tools/call'
        and is_warmup is not true

)

select * from final;

comment on view int_tool_calls is 'One row per finished tool call that was not made to warm up.';
comment on column int_tool_calls.call_id is 'The call.';
comment on column int_tool_calls.session_id is 'The calls that belong together for the user.';
comment on column int_tool_calls.server_name is 'The server.';
comment on column int_tool_calls.tool_name is 'The tool.';
comment on column int_tool_calls.started_at is 'When the request was seen, UTC.';
comment on column int_tool_calls.outcome is 'How it ended.';
comment on column int_tool_calls.error_class is 'Why it failed.';
comment on column int_tool_calls.is_success is 'Whether it succeeded; NULL when it was cancelled.';
comment on column int_tool_calls.is_caller_error is 'Whether the caller was at fault.';
comment on column int_tool_calls.is_without_answer is
'Whether no answer came while the caller waited; that is over every latency budget.';
comment on column int_tool_calls.measured_ms is
'The time that counts for quantiles, in ms; NULL when none does.';
comment on column int_tool_calls.measured_bin is
'The logarithmic bin that measured_ms falls into: its middle is at most 1 % off.';
