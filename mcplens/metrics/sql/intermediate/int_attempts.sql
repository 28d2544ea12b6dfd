-- Tries of the same call. Same means: one session, one server, one target and equal arguments; a try is a
-- retry when it began after the one before it had failed. Where arguments were not even hashed, nothing is
-- known and nothing said. Only what was asked for again after a failure stands here, which keeps the sorting
-- small.
create or replace view int_attempts as
with

ended as (

    select
        event_id,
        call_id,
        session_id,
        server_name,
        method,
        target,
        arguments_hash,
        sequence,
        started_at,
        ended_at,
        is_success
    from stg_events
    where
        is_final
        and arguments_hash is not null

),

still_open as (

    select
        event_id,
        call_id,
        session_id,
        server_name,
        method,
        target,
        arguments_hash,
        sequence,
        started_at,
        ended_at,
        is_success
    from stg_open_events
    where
        is_final
        and arguments_hash is not null

),

failed as (

    select distinct
        session_id,
        server_name,
        method,
        target,
        arguments_hash
    from stg_events
    where
        is_final
        and arguments_hash is not null
        and is_success is false

),

requests as (

    select * from ended
    union all
    select * from still_open

),

candidates as (

    select requests.*
    from requests
    inner join failed
        on
            requests.session_id is not distinct from failed.session_id
            and requests.server_name is not distinct from failed.server_name
            and requests.method is not distinct from failed.method
            and requests.target is not distinct from failed.target
            and requests.arguments_hash = failed.arguments_hash

),

beside as (

    select
        *,
        lag(coalesce(call_id, event_id)) over same_call as earlier_id,
        lag(is_success) over same_call as earlier_success,
        lag(coalesce(ended_at, started_at)) over same_call as earlier_ended_at
    from candidates
    window same_call as (
        partition by session_id, server_name, method, target, arguments_hash
        order by started_at, sequence, event_id
    )

),

marked as (

    select
        *,
        coalesce(earlier_success is false and earlier_ended_at <= started_at, false) as is_retry
    from beside

),

chained as (

    select
        *,
        sum(case when is_retry then 0 else 1 end) over (
            partition by session_id, server_name, method, target, arguments_hash
            order by started_at, sequence, event_id
        ) as chain_number
    from marked

),

final as (

    select
        event_id,
        row_number() over (
            partition by session_id, server_name, method, target, arguments_hash, chain_number
            order by started_at, sequence, event_id
        ) as attempt,
        case when is_retry then earlier_id end as retry_of,
        coalesce(
            bool_or(is_success) over (
                partition by session_id, server_name, method, target, arguments_hash, chain_number
            ),
            false
        ) as is_recovered
    from chained

)

select * from final;

comment on view int_attempts is 'One row per call whose like failed in its session.';
comment on column int_attempts.event_id is 'The request; run and sequence together.';
comment on column int_attempts.attempt is 'Which try of the same call this is, from 1.';
comment on column int_attempts.retry_of is 'The failed call that this one repeats.';
comment on column int_attempts.is_recovered is 'Whether this try or a later one of the same call succeeded.';
