import { spawnSync } from 'node:child_process'
import { until } from '@powernode/events/testing'
import { SERVICES } from '@powernode/dev/services'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { askedIn, declaredMetrics } from '../coverage/metrics.ts'
import { read } from '../coverage/sources.ts'
import { describeForeign, findProgram } from '../foreign.ts'
import { federate, twoPlatforms, type TestPlatform } from '../mesh.ts'

/** Two peers, and what a Prometheus would read of one of them. */
let a: TestPlatform
let stop: () => Promise<unknown>
beforeAll(async () => {
  const mesh = await twoPlatforms()
  ;({ a, stop } = mesh)
  await federate(mesh.a, mesh.b)
})
afterAll(() => stop?.())

async function scrape(): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  for (const service of Object.keys(SERVICES) as (keyof typeof SERVICES)[]) {
    const port = a.platform.ports[`${service}-metrics`]
    texts.set(service, await (await fetch(`http://127.0.0.1:${port}/metrics`)).text())
  }
  return texts
}

type Rules = { groups: { rules: { record?: string; expr: string }[] }[] }
const exprsIn = (path: string) => (parse(read(path)) as Rules).groups.flatMap(({ rules }) => rules)

/** Of what no platform has before it has children in a cluster. */
const LATER = /^fed_cluster_member/

test('the figures that alerts look at are there before anything has happened: what is not said cannot be alarming', async () => {
  const recorded = new Map(exprsIn('deploy/prometheus/rules.yml').map(({ record = '', expr }) => [record, expr]))
  const asked = exprsIn('deploy/prometheus/alerts.yml').flatMap(({ expr }) =>
    askedIn(expr).flatMap(({ name }) => (recorded.has(name) ? askedIn(recorded.get(name) ?? '') : [{ name }])),
  )
  const gauges = new Set(declaredMetrics().filter(({ kind }) => kind === 'gauge').map(({ name }) => name)) // prettier-ignore
  const wanted = [...new Set(asked.map(({ name }) => name))].filter((name) => gauges.has(name) && !LATER.test(name))
  expect(wanted.length).toBeGreaterThan(15)
  let missing: string[] = wanted
  await until(async () => {
    const lines = [...(await scrape()).values()].join('\n')
    missing = wanted.filter((name) => !new RegExp(`^${name}[{ ]`, 'm').test(lines))
    return missing.length === 0
  }).catch(() => expect(missing).toEqual([]))
})

describeForeign(
  'promtool',
  { program: findProgram('promtool'), install: 'apt-get install prometheus, or put promtool into .cache/bin' },
  (promtool) => {
    test('has nothing to say against how metrics are named and told', async () => {
      for (const [service, input] of await scrape()) {
        const { stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' })
        const said = `${stdout}${stderr}`
          .split('\n')
          .filter((line) => line.startsWith('fed_') || line.includes('error'))
        expect(said, service).toEqual([])
      }
    })
  },
)
