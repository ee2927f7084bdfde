SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.diagnosis_ambitions, as_of.diagnosis_stakes, as_of.diagnosis_findings, as_of.diagnoses;
DROP TABLE diagnosis_ambitions, diagnosis_stakes, diagnosis_findings, diagnoses;
DELETE FROM kept WHERE noun IN ('diagnosis_ambitions', 'diagnosis_stakes', 'diagnosis_findings', 'diagnoses');
