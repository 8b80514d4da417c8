import { cosigner, logSigner, parsePolicy, type Policy } from '@powernode/tlog'
import { expect, test } from 'vitest'
import { filesOf, verifyDirectory, type DamageKind, type Report } from './index.ts'
import { CLASSES, mutations, sealedLogs, WITNESS, type LogKeys, type Mutation, type MutationClass } from './testing.ts'

const COUNT = 10_440
const policies = new Map<string, Policy>()
function policyFor({ origin, log, witness }: LogKeys): Policy {
  const policy = policies.get(origin) ?? parsePolicy(`log ${logSigner(origin, log).vkey}\nwitness w ${cosigner(WITNESS, witness, 0).vkey}\nquorum w\n`) // prettier-ignore
  policies.set(origin, policy)
  return policy
}

async function verify({ log, changes, previous }: Pick<Mutation, 'log' | 'changes' | 'previous'>): Promise<Report> {
  const files = new Map(log.files)
  for (const [path, bytes] of changes)
    if (bytes) files.set(path, bytes)
    else files.delete(path)
  const { keys } = log
  return verifyDirectory(filesOf(files), policyFor(keys), { origin: keys.origin, expectPrevious: previous })
}

test('the logs that are mutated are intact before', async () => {
  for (const log of sealedLogs()) {
    const report = await verify({ log, changes: new Map(), previous: [log.previous.note, log.note] })
    expect([log.size, report.damages]).toEqual([log.size, []])
    expect(report).toMatchObject({ intact: true, entries: log.size, payloads: { checked: log.size, absent: 0 } })
  }
})

test(`whatever is done to a log shows: ${COUNT} mutations of ${Object.keys(CLASSES).length} classes`, async () => {
  const found = new Map<MutationClass, number>()
  const unseen: unknown[] = []
  const misnamed: unknown[] = []
  for (const mutation of mutations(20_261_122, COUNT)) {
    const { intact, damages } = await verify(mutation)
    const said = [...new Set(damages.map(({ kind }) => kind))]
    const as: readonly DamageKind[] = CLASSES[mutation.class].as
    const what = {
      class: mutation.class,
      size: mutation.log.size,
      files: [...mutation.changes.keys()].slice(0, 3),
      said,
    }
    if (intact) unseen.push(what)
    else if (!said.some((kind) => as.includes(kind))) misnamed.push(what)
    else found.set(mutation.class, (found.get(mutation.class) ?? 0) + 1)
  }
  expect(unseen.slice(0, 5)).toEqual([])
  expect(misnamed.slice(0, 5)).toEqual([])
  const each = Math.floor(COUNT / Object.keys(CLASSES).length)
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(Object.keys(CLASSES).map((name) => [name, each])))
})
