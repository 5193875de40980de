create index attempts_by_end on attempts (finished_at);
create index attempts_required on attempts (required_by) where required_by is not null;
create index effects_of_attempt on effects (attempt);
create index notifications_of_attempt on notifications (attempt);
