import { describe, expect, test } from 'vitest'
import { brokenZones, ZONES } from '../lint/zones.ts'
import { SERVICES, sources } from './sources.ts'

const FILES = sources('{libs,services,deploy,test}/**/*.ts')
const IMPORT = /^(?:import|export)\b[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm

const importsOf = (text: string): string[] =>
  Array.from(text.matchAll(IMPORT), ([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '')

test('imports go one way: no line of any file breaks a zone', () => {
  const broken = FILES.flatMap(({ path, text }) =>
    importsOf(text).flatMap((target) =>
      brokenZones(path, target).map(({ name }) => `${path} imports ${target}: ${name}`),
    ),
  )
  expect(broken).toEqual([])
})

test('the zones that matter most exist', () => {
  const names = ZONES.map(({ name }) => name)
  for (const name of [
    'services meet in proto/',
    'libs know no service',
    'an operation cannot reach the network',
    'a noun is pure',
  ])
    expect(names).toContain(name)
})

describe.each(SERVICES)('%s', (service) => {
  test('depends on no other service, by package or by path', () => {
    const [manifest] = sources(`services/${service}/package.json`)
    const { dependencies = {} } = JSON.parse(manifest?.text ?? '{}') as { dependencies?: Record<string, string> }
    for (const other of SERVICES) expect(Object.keys(dependencies)).not.toContain(`@powernode/${other}`)
    const own = FILES.filter(({ path }) => path.startsWith(`services/${service}/`))
    const others = SERVICES.filter((other) => other !== service)
    const leadsAway = (target: string) =>
      others.some((other) => target.includes(`services/${other}/`) || target.includes(`/../${other}/`) || target.startsWith(`@powernode/${other}`)) // prettier-ignore
    const elsewhere = own.flatMap(({ path, text }) => importsOf(text).filter(leadsAway).map((target) => `${path}: ${target}`)) // prettier-ignore
    expect(elsewhere).toEqual([])
  })

  test('has its pages: a README, and a schema.sql beside its migrations', () => {
    expect(sources(`services/${service}/README.md`)).toHaveLength(1)
    if (sources(`services/${service}/migrations/*.sql`).length > 0)
      expect(sources(`services/${service}/schema.sql`)).toHaveLength(1)
  })
})
