import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { describeForeign, findProgram } from '../../test/foreign.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8')

type Alert = { alert: string; labels: { severity: string }; annotations: { summary: string; next: string } }
type Story = { name: string; promql_expr_test?: { exp_samples: { labels: string }[] }[] }

const ALERTS = (parse(read('alerts.yml')) as { groups: { rules: Alert[] }[] }).groups.flatMap(({ rules }) => rules)
const OF_ALERTS = ['alerts.test.yml', 'days.test.yml', 'levels.test.yml']
const STORIES = OF_ALERTS.flatMap((name) => (parse(read(name)) as { tests: Story[] }).tests)

describeForeign(
  'promtool',
  { program: findProgram('promtool'), install: 'apt-get install prometheus, or put promtool into .cache/bin' },
  (promtool) => {
    const run = (...words: string[]) => spawnSync(promtool, words, { cwd: HERE, encoding: 'utf8' })

    test('reads the configuration, the rules and the alerts', () => {
      for (const words of [
        ['check', 'config', 'prometheus.yml'],
        ['check', 'rules', 'rules.yml', 'alerts.yml'],
      ]) {
        const { status, stdout, stderr } = run(...words)
        expect([status, status === 0 ? '' : stdout + stderr], words.join(' ')).toEqual([0, ''])
      }
    })

    test.each(['rules.test.yml', ...OF_ALERTS])('finds that %s is so', (file) => {
      const { status, stdout, stderr } = run('test', 'rules', file)
      expect([status, status === 0 ? '' : stdout + stderr]).toEqual([0, ''])
    })
  },
)

test.each(ALERTS)(
  '$alert is raised in a story, says what it is about, and what to type',
  ({ alert, labels, annotations }) => {
    const raised = STORIES.filter(({ promql_expr_test: looks = [] }) =>
      looks.some(({ exp_samples: samples }) => samples.some((one) => one.labels.includes(`"${alert}"`))),
    )
    expect(raised.length).toBeGreaterThan(0)
    expect(['medium', 'high', 'critical']).toContain(labels.severity)
    expect(annotations.summary).not.toBe('')
    expect(annotations.next).toMatch(/^fedctl /)
  },
)

test('in every story there is a moment at which nothing is raised yet, or nothing more', () => {
  const always = STORIES.filter(({ promql_expr_test: looks = [] }) => looks.every(({ exp_samples: samples }) => samples.length > 0)) // prettier-ignore
  expect(always.map(({ name }) => name)).toEqual([])
})
