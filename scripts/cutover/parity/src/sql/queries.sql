-- Statements that both sides answer, over `bls.oews` (wages and employment by occupation and area; BLS, May 2025) and
-- `bls.majors` (groups of occupations). Each begins with the line `-- case: NAME`, and states a total order.

-- case: count of all rows
SELECT count(*) AS n FROM bls.oews;
-- case: count of values leaves nulls out
SELECT count(*) AS n, count(h_mean) AS means, count(h_p90) AS p90s, count(h_p90_footnote) AS notes FROM bls.oews;
-- case: distinct areas and occupations
SELECT count(DISTINCT area_code) AS areas, count(DISTINCT soc_code) AS occupations FROM bls.oews;
-- case: smallest and largest of numbers and texts
SELECT min(h_mean) AS low, max(h_mean) AS high, min(area_name) AS first_area, max(soc_title) AS last_title FROM bls.oews;
-- case: sums and averages
SELECT sum(employment) AS jobs, avg(h_mean) AS mean, avg(h_p50) AS median FROM bls.oews;
-- case: spread
SELECT stddev_samp(h_mean) AS sample, stddev_pop(h_mean) AS population, var_samp(h_p50) AS variance FROM bls.oews;
-- case: correlation of two columns
SELECT corr(h_mean, h_p50) AS r, covar_pop(h_mean, h_p50) AS c FROM bls.oews;
-- case: aggregate of no rows
SELECT count(*) AS n, sum(employment) AS jobs, max(area_name) AS last_area FROM bls.oews WHERE soc_code = 'none';
-- case: no rows at all
SELECT area_name, soc_code FROM bls.oews WHERE h_mean < 0 ORDER BY area_name, soc_code;
-- case: one row by key
SELECT area_name, soc_title, employment, h_mean FROM bls.oews WHERE area_code = '0026420' AND soc_code = '53-7051' ORDER BY area_name;
-- case: first ten by name
SELECT area_name, soc_code, h_p50 FROM bls.oews ORDER BY area_name, area_code, soc_code LIMIT 10;
-- case: page in the middle
SELECT area_code, soc_code, a_mean FROM bls.oews ORDER BY area_code, soc_code LIMIT 10 OFFSET 30000;
-- case: descending with nulls last
SELECT area_code, soc_code, h_p90 FROM bls.oews WHERE state_fips = '48' ORDER BY h_p90 DESC NULLS LAST, area_code, soc_code LIMIT 25;
-- case: ascending with nulls first
SELECT area_code, soc_code, h_p90 FROM bls.oews WHERE state_fips = '06' ORDER BY h_p90 ASC NULLS FIRST, area_code, soc_code LIMIT 25;
-- case: only nulls
SELECT area_code, soc_code, h_mean, a_mean FROM bls.oews WHERE h_mean IS NULL ORDER BY area_code, soc_code LIMIT 40;
-- case: three-valued logic
SELECT count(*) AS n FROM bls.oews WHERE NOT (h_mean > 20 AND h_p90 > 30);
-- case: null in a list of exclusions
SELECT count(*) AS n FROM bls.oews WHERE soc_code NOT IN ('53-7051', NULL);
-- case: coalesce and nullif
SELECT area_code, soc_code, coalesce(h_p90, h_p75, h_p50) AS best, nullif(h_p90_footnote, '') AS note FROM bls.oews WHERE state_fips = '15' ORDER BY area_code, soc_code LIMIT 30;
-- case: distinct from
SELECT count(*) AS n FROM bls.oews WHERE h_p75 IS DISTINCT FROM h_p90;
-- case: between and in
SELECT soc_code, count(*) AS n FROM bls.oews WHERE h_p50 BETWEEN 18.5 AND 21.25 AND state_fips IN ('12', '13', '48') GROUP BY soc_code ORDER BY n DESC, soc_code LIMIT 20;
-- case: like
SELECT DISTINCT soc_title FROM bls.oews WHERE soc_title LIKE '%Operators%' ORDER BY soc_title;
-- case: like with one character and case folded
SELECT DISTINCT soc_title FROM bls.oews WHERE lower(soc_title) LIKE 'w_ld%' OR soc_title ILIKE '%MACHINIST%' ORDER BY soc_title;
-- case: texts taken apart
SELECT DISTINCT substr(soc_code, 1, 2) AS major, length(substr(soc_code, 1, 2)) AS n, upper(substr(soc_code, 4)) AS minor FROM bls.oews WHERE soc_code LIKE '53-70%' ORDER BY major, minor;
-- case: texts put together
SELECT area_name || ' / ' || soc_code AS label, concat(state_fips, '-', area_code) AS place FROM bls.oews WHERE soc_code = '51-4121' ORDER BY label LIMIT 15;
-- case: trim, replace, position
SELECT DISTINCT trim(replace(area_name, ',', ' ')) AS plain, strpos(area_name, ',') AS at FROM bls.oews WHERE state_fips = '50' ORDER BY plain;
-- case: splitting
SELECT DISTINCT split_part(area_name, ', ', 2) AS states FROM bls.oews WHERE state_fips IN ('29', '47') ORDER BY states;
-- case: regular expression
SELECT count(*) AS n FROM bls.oews WHERE regexp_replace(area_name, '^(San|Santa) [A-Z]', 'Saint') <> area_name;
-- case: characters beyond ASCII
SELECT DISTINCT 'Zoë – ' || soc_code AS label, length('Zoë – ' || soc_code) AS n, substr('Größe', 3, 2) AS part, strpos('Größe', 'ß') AS at FROM bls.oews WHERE soc_code LIKE '51-412%' ORDER BY label;
-- case: grouping by one column
SELECT state_fips, count(*) AS n, sum(employment) AS jobs FROM bls.oews GROUP BY state_fips ORDER BY state_fips;
-- case: grouping by two
SELECT state_fips, substr(soc_code, 1, 2) AS major, count(*) AS n, round(avg(h_mean), 2) AS mean FROM bls.oews GROUP BY state_fips, substr(soc_code, 1, 2) ORDER BY state_fips, major LIMIT 100;
-- case: having
SELECT soc_code, count(*) AS n, max(h_p90) AS top FROM bls.oews GROUP BY soc_code HAVING count(*) > 300 AND max(h_p90) > 40 ORDER BY soc_code;
-- case: filter of an aggregate
SELECT state_fips, count(*) FILTER (WHERE h_mean > 25) AS well_paid, count(*) FILTER (WHERE h_mean IS NULL) AS unknown FROM bls.oews GROUP BY state_fips ORDER BY state_fips;
-- case: rollup
SELECT state_fips, substr(soc_code, 1, 2) AS major, sum(employment) AS jobs FROM bls.oews WHERE state_fips IN ('01', '02') GROUP BY ROLLUP (state_fips, substr(soc_code, 1, 2)) ORDER BY state_fips NULLS LAST, major NULLS LAST;
-- case: grouping sets
SELECT state_fips, area_type, count(*) AS n FROM bls.oews WHERE state_fips IN ('04', '35') GROUP BY GROUPING SETS ((state_fips), (area_type), ()) ORDER BY state_fips NULLS LAST, area_type NULLS LAST, n;
-- case: median
SELECT soc_code, median(h_p50) AS middle FROM bls.oews WHERE soc_code LIKE '49-3%' GROUP BY soc_code ORDER BY soc_code;
-- case: texts gathered in order
SELECT state_fips, string_agg(DISTINCT substr(soc_code, 1, 2), ',' ORDER BY substr(soc_code, 1, 2)) AS majors FROM bls.oews WHERE state_fips < '10' GROUP BY state_fips ORDER BY state_fips;
-- case: join with names
SELECT m.title, count(*) AS n, sum(o.employment) AS jobs FROM bls.oews o JOIN bls.majors m ON m.major = substr(o.soc_code, 1, 2) GROUP BY m.title ORDER BY m.title;
-- case: left join keeps who has no partner
SELECT m.major, m.title, count(o.soc_code) AS n FROM bls.majors m LEFT JOIN bls.oews o ON substr(o.soc_code, 1, 2) = m.major GROUP BY m.major, m.title ORDER BY m.major;
-- case: full join
SELECT coalesce(a.soc_code, b.soc_code) AS soc_code, a.h_p50 AS here, b.h_p50 AS there FROM (SELECT soc_code, h_p50 FROM bls.oews WHERE area_code = '0010180') a FULL JOIN (SELECT soc_code, h_p50 FROM bls.oews WHERE area_code = '0026420') b ON a.soc_code = b.soc_code ORDER BY 1;
-- case: self join by area
SELECT a.area_name, a.h_p50 AS drivers, b.h_p50 AS welders FROM bls.oews a JOIN bls.oews b ON a.area_code = b.area_code WHERE a.soc_code = '53-3032' AND b.soc_code = '51-4121' AND a.h_p50 > b.h_p50 + 5 ORDER BY a.area_name, a.area_code;
-- case: join on an inequality
SELECT a.soc_code, count(*) AS cheaper FROM (SELECT soc_code, avg(h_mean) AS mean FROM bls.oews GROUP BY soc_code) a JOIN (SELECT soc_code, avg(h_mean) AS mean FROM bls.oews GROUP BY soc_code) b ON b.mean < a.mean GROUP BY a.soc_code ORDER BY cheaper DESC, a.soc_code LIMIT 20;
-- case: semi join
SELECT DISTINCT area_name FROM bls.oews o WHERE EXISTS (SELECT 1 FROM bls.oews p WHERE p.area_code = o.area_code AND p.soc_code = '53-5021') ORDER BY area_name LIMIT 30;
-- case: anti join
SELECT DISTINCT area_name FROM bls.oews o WHERE NOT EXISTS (SELECT 1 FROM bls.oews p WHERE p.area_code = o.area_code AND p.soc_code = '53-7051') ORDER BY area_name LIMIT 30;
-- case: subquery in a list
SELECT soc_code, sum(employment) AS jobs FROM bls.oews WHERE area_code IN (SELECT area_code FROM bls.oews WHERE soc_code = '51-4041' AND employment > 3000) GROUP BY soc_code ORDER BY jobs DESC NULLS LAST, soc_code LIMIT 15;
-- case: correlated scalar
SELECT soc_code, area_code, h_mean FROM bls.oews o WHERE h_mean = (SELECT max(h_mean) FROM bls.oews p WHERE p.soc_code = o.soc_code) AND soc_code LIKE '37-%' ORDER BY soc_code, area_code;
-- case: common table expressions
WITH by_state AS (SELECT state_fips, sum(employment) AS jobs FROM bls.oews GROUP BY state_fips), total AS (SELECT sum(jobs) AS jobs FROM by_state) SELECT s.state_fips, round(100 * s.jobs / t.jobs, 4) AS share FROM by_state s CROSS JOIN total t ORDER BY s.jobs DESC, s.state_fips LIMIT 12;
-- case: recursive expression
WITH RECURSIVE steps AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM steps WHERE n < 12) SELECT n, n * n AS square FROM steps ORDER BY n;
-- case: row number
SELECT * FROM (SELECT soc_code, area_code, h_p90, row_number() OVER (PARTITION BY soc_code ORDER BY h_p90 DESC NULLS LAST, area_code) AS place FROM bls.oews WHERE soc_code LIKE '47-2%') ranked WHERE place <= 2 ORDER BY soc_code, place;
-- case: ranks with ties
SELECT soc_code, area_code, h_p10, rank() OVER (ORDER BY h_p10) AS r, dense_rank() OVER (ORDER BY h_p10) AS d FROM bls.oews WHERE state_fips = '53' AND soc_code LIKE '53-%' AND h_p10 IS NOT NULL ORDER BY r, soc_code, area_code LIMIT 50;
-- case: lag and lead
SELECT area_code, soc_code, employment - lag(employment) OVER w AS more, lead(soc_code, 1, 'last') OVER w AS next_code FROM bls.oews WHERE area_code = '0019100' WINDOW w AS (PARTITION BY area_code ORDER BY soc_code) ORDER BY soc_code LIMIT 40;
-- case: running sum
SELECT soc_code, sum(employment) OVER (ORDER BY soc_code ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running FROM bls.oews WHERE area_code = '0010180' ORDER BY soc_code;
-- case: moving average
SELECT soc_code, avg(h_mean) OVER (ORDER BY soc_code ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING) AS smooth FROM bls.oews WHERE area_code = '0010420' ORDER BY soc_code;
-- case: quarters and shares
SELECT soc_code, ntile(4) OVER (ORDER BY h_p50, soc_code) AS quarter, round(employment / sum(employment) OVER (), 6) AS share FROM bls.oews WHERE area_code = '0012060' AND h_p50 IS NOT NULL ORDER BY soc_code LIMIT 40;
-- case: first and last of a window
SELECT DISTINCT state_fips, first_value(area_name) OVER w AS first_area, last_value(area_name) OVER w AS last_area FROM bls.oews WHERE state_fips IN ('08', '49', '56') WINDOW w AS (PARTITION BY state_fips ORDER BY area_name ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) ORDER BY state_fips;
-- case: decimals are exact
SELECT soc_code, sum(CAST(h_mean AS DECIMAL(10, 2))) AS total, CAST(max(h_p90) AS DECIMAL(12, 4)) AS top FROM bls.oews WHERE soc_code LIKE '51-4%' GROUP BY soc_code ORDER BY soc_code;
-- case: decimal arithmetic
SELECT soc_code, area_code, CAST(h_mean AS DECIMAL(8, 2)) * CAST(1.25 AS DECIMAL(4, 2)) AS billed, CAST(h_mean AS DECIMAL(8, 2)) - CAST(h_p50 AS DECIMAL(8, 2)) AS gap FROM bls.oews WHERE state_fips = '10' AND h_mean IS NOT NULL ORDER BY soc_code, area_code LIMIT 30;
-- case: dates
SELECT major, CAST(since AS DATE) AS since, extract(year FROM CAST(since AS DATE)) AS y, extract(month FROM CAST(since AS DATE)) AS m, CAST(CAST(since AS DATE) + INTERVAL '90 days' AS DATE) AS review FROM bls.majors WHERE since IS NOT NULL ORDER BY major;
-- case: parts of dates
SELECT major, date_trunc('month', CAST(since AS TIMESTAMP)) AS month, date_part('quarter', CAST(since AS DATE)) AS quarter, CAST(since AS DATE) >= DATE '2024-02-29' AS is_late FROM bls.majors ORDER BY major;
-- case: conditions and casts
SELECT CASE WHEN h_p50 < 17 THEN 'low' WHEN h_p50 < 25 THEN 'middle' WHEN h_p50 IS NULL THEN 'unknown' ELSE 'high' END AS band, count(*) AS n, CAST(sum(employment) AS BIGINT) AS jobs FROM bls.oews GROUP BY 1 ORDER BY band;
-- case: numbers rounded and cut
SELECT soc_code, area_code, round(h_mean) AS whole, floor(h_mean) AS below, ceil(h_mean) AS above, abs(h_p10 - h_p90) AS width, CAST(employment AS INTEGER) % 7 AS rest FROM bls.oews WHERE state_fips = '44' AND h_p90 IS NOT NULL ORDER BY soc_code, area_code LIMIT 30;
-- case: union, intersection, difference
(SELECT soc_code FROM bls.oews WHERE area_code = '0010180' INTERSECT SELECT soc_code FROM bls.oews WHERE area_code = '0010420') EXCEPT SELECT soc_code FROM bls.oews WHERE state_fips = '02' ORDER BY soc_code;
-- case: all of two
SELECT side, count(*) AS n FROM (SELECT 'left' AS side FROM bls.oews WHERE h_mean > 30 UNION ALL SELECT 'right' FROM bls.oews WHERE h_mean <= 30) both_sides GROUP BY side ORDER BY side;
-- case: values as a table
SELECT v.code, o.area_name, o.h_p50 FROM (VALUES ('53-7051', 1), ('51-4041', 2)) AS v (code, place) JOIN bls.oews o ON o.soc_code = v.code WHERE o.state_fips = '23' ORDER BY v.place, o.area_name, o.area_code;
