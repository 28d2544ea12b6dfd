-- A run is written down when it begins and when it ends: the newest row counts.
create or replace view stg_runs as
with

written as (

    select * from raw_runs

),

ranked as (

    select
        *,
        row_number() over (
            partition by run_id
            order by
                recorded_at desc nulls last,
                ended_at desc nulls last,
                event_count desc nulls last,
                label desc nulls last
        ) as age
    from written

),

final as (

    select
        run_id,
        label,
        observer,
        keep,
        mcplens_version,
        started_at,
        ended_at,
        event_count,
        lost_count,
        recorder_cpu_ms,
        recorded_at
    from ranked
    where age = 1

)

select * from final;

comment on view stg_runs is 'One row per recording.';
comment on column stg_runs.run_id is 'The recording this row belongs to.';
comment on column stg_runs.label is 'The run''s label.';
comment on column stg_runs.observer is 'Where the recorder stood.';
comment on column stg_runs.keep is 'What of contents was kept: none, shape or full.';
comment on column stg_runs.mcplens_version is 'The mcplens that recorded.';
comment on column stg_runs.started_at is 'When recording began, UTC.';
comment on column stg_runs.ended_at is 'When recording ended, UTC; NULL while it goes on or if it died.';
comment on column stg_runs.event_count is 'Events recorded.';
comment on column stg_runs.lost_count is 'Messages and events the recorder had to drop.';
comment on column stg_runs.recorder_cpu_ms is
'CPU time recording used, in ms: of a proxy or service all, else its own thread''s.';
comment on column stg_runs.recorded_at is 'When the recorder wrote the row into its spool, UTC.';
