-- A recorder says at its end what it lost in all; until then, and if it died, its notices do.
create or replace view int_losses as
with

recordings as (

    select * from stg_runs

),

noticed as (

    select
        run_id,
        sum(lost_count) as lost_count
    from stg_notices
    group by run_id

),

known as (

    select run_id from recordings
    union
    select run_id from noticed

),

final as (

    select
        known.run_id,
        cast(coalesce(recordings.lost_count, noticed.lost_count, 0) as bigint) as lost_count
    from known
    left join recordings on known.run_id = recordings.run_id
    left join noticed on known.run_id = noticed.run_id

)

select * from final;

comment on view int_losses is 'One row per recording: what its recorder had to drop.';
comment on column int_losses.run_id is 'The recording.';
comment on column int_losses.lost_count is 'Messages and events lost.';
