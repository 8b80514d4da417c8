import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readInventory } from './inventory.ts'

const problemsOf = (text: string): string[] => {
  try {
    readInventory('inventory.yaml', text)
  } catch (error) {
    return String(error).split('\n').slice(1).map((line) => line.trim().replace('inventory.yaml:', '')) // prettier-ignore
  }
  return []
}
const kinds = (...lines: string[]) => ['extension: system', 'exportable_kinds:', ...lines].join('\n')

test('the inventory that comes with the platform can be read, and has the kinds that others ask for', () => {
  const file = new URL('../inventory/federation_inventory.yaml', import.meta.url)
  const declared = readInventory('federation_inventory.yaml', readFileSync(file, 'utf8'))
  expect(declared.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['NodeModule', 'service_offering', 'platform_deployment', 'network']),
  )
  expect(declared.find(({ kind }) => kind === 'NodeModule')).toEqual({
    kind: 'NodeModule',
    extension: 'system',
    dependencies: [],
    duplicable: true,
    migratable: false,
    writable: false,
    dataClass: 'general',
    region: undefined,
    sensitiveFields: ['credentials', 'registry.password'],
  })
})

test.each<[string, string, string[]]>([
  [
    'a misspelt field, which would leave a sensitive one in the open',
    kinds('  - kind: A', '    metadata:', '      sensitve_fields: [password]'),
    ['5: exportable_kinds[0].metadata.sensitve_fields: is no field there: sensitive_fields'],
  ],
  [
    'a kind declared twice',
    kinds('  - kind: A', '  - kind: B', '  - kind: A'),
    ['5: kind: A was declared in line 3 already'],
  ],
  [
    'a dependency that there is not, compared byte by byte',
    kinds('  - kind: A', '    dependencies: [b]', '  - kind: B'),
    ['3: dependencies: A depends on b, which is not declared'],
  ],
  [
    'dependencies that go round',
    kinds('  - kind: A', '    dependencies: [B]', '  - kind: B', '    dependencies: [C]', '  - kind: C', '    dependencies: [A]'), // prettier-ignore
    ['3: dependencies: A depends on B depends on C depends on A, and so on for ever'],
  ],
  ['a kind that depends on itself', kinds('  - kind: A', '    dependencies: [A]'), ['3: dependencies: A depends on A, and so on for ever']], // prettier-ignore
  [
    'a flag that is none: yes is a text in YAML 1.2',
    kinds('  - kind: A', '    writable: yes'),
    ['4: exportable_kinds[0].writable: has to be true or false'],
  ],
  ['a list that is none', kinds('  - kind: A', '    dependencies: B'), ['4: exportable_kinds[0].dependencies: has to be a list']], // prettier-ignore
  ['a kind without a name', kinds('  - duplicable: true'), ['3: exportable_kinds[0].kind: is missing']],
  ['a field said twice', 'extension: a\nextension: b\nexportable_kinds: []', ['2: Map keys must be unique at line 2, column 1:']], // prettier-ignore
  ['no kind at all', '', ['1: exportable_kinds: declares no kind at all']],
  ['a file that is no mapping', '- 1', ['1: the document: has to have fields']],
])('refused, naming line and field: %s', (_, text, problems) => {
  expect(problemsOf(text)).toEqual(problems)
})

test('everything that is wrong is said at once', () => {
  expect(problemsOf(kinds('  - kind: "no good"', '    surprise: 1', '  - kind: B', '    region: EU'))).toHaveLength(3)
})

test.each([
  ['an alias', 'extension: &e system\nexportable_kinds:\n  - kind: *e'],
  ['a merge key', kinds('  - &a', '    kind: A', '  - <<: *a')],
  ['a tag', kinds('  - kind: !!binary QQ==')],
  ['a field of a field that is empty', kinds('  - kind: A', '    metadata: { sensitive_fields: ["a..b"] }')],
  ['a field twice', kinds('  - kind: A', '    metadata: { sensitive_fields: [a, a] }')],
  ['unreadable YAML', 'extension: ['],
])('%s is refused', (_, text) => {
  expect(problemsOf(text).length).toBeGreaterThan(0)
})

test('each extension is a document of its own, and may depend on kinds of another', () => {
  const text = `${kinds('  - kind: A')}\n---\nextension: sdwan\nexportable_kinds:\n  - kind: B\n    dependencies: [A]`
  expect(readInventory('x', text).map(({ kind, extension }) => [kind, extension])).toEqual([
    ['A', 'system'],
    ['B', 'sdwan'],
  ])
})
