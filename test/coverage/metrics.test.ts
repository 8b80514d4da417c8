import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { askedIn, declaredMetrics, mentionedMetrics } from './metrics.ts'
import { read, tableOf } from './sources.ts'

type Rules = { groups: { rules: { record?: string; alert?: string; expr: string }[] }[] }
type Panel = { title: string; targets?: { expr: string }[] }

const DECLARED = declaredMetrics()
const rulesIn = (path: string) => (parse(read(path)) as Rules).groups.flatMap(({ rules }) => rules) // as promtool has checked
const RECORDED = rulesIn('deploy/prometheus/rules.yml')
const ALERTS = rulesIn('deploy/prometheus/alerts.yml')
const PANELS = (JSON.parse(read('deploy/grafana/powernode.json')) as { panels: Panel[] }).panels

/** What every series has, or a scrape adds, or a histogram is made of. */
const EVERYWHERE = ['service', 'job', 'instance', 'le']
const SUFFIX = /_(bucket|sum|count)$/

const QUERIES = [
  ...RECORDED.map(({ record = '', expr }) => [record, expr] as const),
  ...ALERTS.map(({ alert = '', expr }) => [alert, expr] as const),
  ...PANELS.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [`panel ${title}`, expr] as const)),
]

test('every metric is declared in a way that these tests can read', () => {
  expect([...mentionedMetrics()].filter((name) => !DECLARED.some((one) => one.name === name))).toEqual([])
})

test('a name means one kind of metric with one set of labels, wherever it is declared', () => {
  const shapes = Map.groupBy(DECLARED, ({ name }) => name)
  const torn = [...shapes].filter(
    ([, all]) => new Set(all.map(({ kind, labels }) => `${kind} ${labels.join()}`)).size > 1,
  )
  expect(torn.map(([name]) => name)).toEqual([])
})

test('no metric has a peer, or anything else without end, as a label', () => {
  const endless = DECLARED.filter(({ labels }) => labels.some((label) => /peer|platform|grant|network|id$/.test(label)))
  expect(endless.map(({ name }) => name)).toEqual([])
})

describe.each(QUERIES)('%s', (_where, expr) => {
  test('asks for what is exported or recorded, by labels that it has', () => {
    const asked = askedIn(expr)
    const problems = asked.flatMap(({ name, labels }) => {
      if (name.startsWith('fed:'))
        return RECORDED.some(({ record }) => record === name) ? [] : [`${name} is not recorded`]
      const metric = DECLARED.find((one) => one.name === name || (one.kind === 'histogram' && one.name === name.replace(SUFFIX, ''))) // prettier-ignore
      if (!metric) return [`${name} is exported by nobody`]
      return labels
        .filter((label) => !EVERYWHERE.includes(label) && !metric.labels.includes(label))
        .map((label) => `${name} has no label ${label}`)
    })
    expect(problems).toEqual([])
  })
})

test('what is recorded is looked at by an alert or a panel', () => {
  const looked = new Set([...ALERTS, ...RECORDED].flatMap(({ expr }) => askedIn(expr).map(({ name }) => name)))
  for (const { targets = [] } of PANELS) for (const { expr } of targets) for (const { name } of askedIn(expr)) looked.add(name) // prettier-ignore
  expect(RECORDED.map(({ record }) => record).filter((name) => name && !looked.has(name))).toEqual([])
})

test('docs/metrics.md has a row for every metric, with its labels, and for nothing else', () => {
  const rows = tableOf(read('docs/metrics.md'), 'Metric', 'Kind', 'Labels').map(([name, kind, labels]) => `${name} ${kind} ${labels}`) // prettier-ignore
  const metrics = new Set(DECLARED.map(({ name, kind, labels }) => `${name} ${kind} ${labels.join(', ')}`))
  expect(rows.toSorted()).toEqual([...metrics].toSorted())
})

test('docs/metrics.md has a row for every alert', () => {
  const rows = tableOf(read('docs/metrics.md'), 'Alert', 'Severity').map(([name]) => name)
  expect(new Set(rows)).toEqual(new Set(ALERTS.map(({ alert }) => alert)))
  expect(rows.length).toBe(ALERTS.length)
})
