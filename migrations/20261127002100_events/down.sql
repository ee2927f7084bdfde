SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.event_participants, as_of.event_measures, as_of.event_sequences, as_of.events;
DROP TABLE event_participants, event_measures, event_sequences, events;
DELETE FROM kept WHERE noun IN ('event_participants', 'event_measures', 'event_sequences', 'events');
