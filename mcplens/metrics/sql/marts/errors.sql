-- What goes wrong, and where: failures of tools, prompts and resources by class, code and message.
create or replace view errors as
with

failures as (

    select
        *,
        coalesce(call_id, event_id) as failed_call_id
    from stg_events
    where
        is_final
        and is_success is false
        and is_warmup is not true

),

ranked as (

    select
        *,
        row_number() over (
            partition by server_name, method, target, outcome, error_class, error_code, error_message
            order by started_at desc nulls last, sequence desc, event_id asc
        ) as age
    from failures

),

final as (

    select
        server_name,
        max(tool_name) as tool_name,
        method,
        target,
        outcome,
        error_class,
        error_code,
        error_message,

        count(*) as call_count,
        min(started_at) as first_at,
        max(started_at) as last_at,
        max(case when age = 1 then failed_call_id end) as last_call_id,
        max(case when age = 1 then session_id end) as last_session_id
    from ranked
    group by server_name, method, target, outcome, error_class, error_code, error_message

)

select * from final;

comment on view errors is 'One row per server, target, and way of failing.';
comment on column errors.server_name is 'The server.';
comment on column errors.tool_name is 'The tool; NULL for prompts and resources.';
comment on column errors.method is 'What was asked for: tools/call, prompts/get or resources/read.';
comment on column errors.target is 'The tool, prompt or resource asked for; of a URI never the query string.';
comment on column errors.outcome is 'How it ended.';
comment on column errors.error_class is 'Why it failed.';
comment on column errors.error_code is 'The JSON-RPC error code.';
comment on column errors.error_message is 'The error''s text as a template, without values.';
comment on column errors.call_count is 'Calls that failed so; warm-ups are left out, as in tool_metrics.';
comment on column errors.first_at is 'When such a call was first made, UTC.';
comment on column errors.last_at is 'When such a call was last made, UTC.';
comment on column errors.last_call_id is 'The newest of these calls.';
comment on column errors.last_session_id is 'The session of the newest of these calls.';
