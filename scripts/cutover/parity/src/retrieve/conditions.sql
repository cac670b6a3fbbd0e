-- Conditions on the workers that lakectl generates (`lakectl corpus workers`), some of whose values are null in a test. Each
-- begins with the line `-- case: NAME`; where nothing follows, there is no condition.

-- case: all rows
-- case: true of all
worker_id IS NOT NULL
-- case: a few by key
worker_id IN ('000003', '000017', '000042', '000120')
-- case: one number
years = 7
-- case: most of them
years >= 1 OR years IS NULL
-- case: a range
hourly_pay BETWEEN 18.5 AND 24.25
-- case: texts and numbers
state IN ('TX', 'OH', 'CA') AND (years >= 5 OR reliability > 0.9)
-- case: a pattern
role LIKE '%Operator%' AND NOT role LIKE 'Machine%'
-- case: case folded
lower(shift) = 'night' AND upper(state) <> 'TX'
-- case: only nulls
years IS NULL
-- case: unknown is not true
NOT (years >= 10)
-- case: unknown is not false
years >= 10 OR years < 10
-- case: null in a list of exclusions
state NOT IN ('TX', NULL)
-- case: nulls replaced
coalesce(nullif(certifications, 'none'), '') = '' AND coalesce(years, 0) < 5
-- case: none matches
years > 100
-- case: never true
hourly_pay < 0 AND hourly_pay > 0
