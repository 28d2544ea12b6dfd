create or replace view stg_samples as
with

written as (

    select * from raw_samples

),

final as (

    select
        sample_id,
        run_id,
        connection_id,
        sampled_at,
        cpu_ms,
        memory_bytes,
        peak_memory_bytes,
        disk_read_bytes,
        disk_write_bytes,
        recorded_at
    from written

)

select * from final;

comment on view stg_samples is 'One row per moment at which a server process was looked at.';
comment on column stg_samples.sample_id is 'The sample.';
comment on column stg_samples.run_id is 'The recording this row belongs to.';
comment on column stg_samples.connection_id is 'The connection of the process.';
comment on column stg_samples.sampled_at is 'When it was read, UTC.';
comment on column stg_samples.cpu_ms is 'CPU time used since the process began, in ms.';
comment on column stg_samples.memory_bytes is 'Resident memory in bytes, what is shared counted each time.';
comment on column stg_samples.peak_memory_bytes is
'The most that the largest of its processes ever held; known at its end.';
comment on column stg_samples.disk_read_bytes is 'Read from disk since it began, in bytes.';
comment on column stg_samples.disk_write_bytes is 'Written to disk since it began, in bytes.';
comment on column stg_samples.recorded_at is 'When the recorder wrote the row into its spool, UTC.';
