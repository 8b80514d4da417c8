import { EMPTY_ROOT, formatCheckpoint, signNote } from '@powernode/tlog'
import { expect, test } from 'vitest'
import { ownNotes } from './lost.ts'
import { testKeys } from './testing/mirrors.ts'

const keys = testKeys('a.test')
const [OURS, OTHER] = ['a.test/peers/b', 'a.test/peers/c']
const ours = keys.verifierOf(OURS)
const note = (origin: string, signer = keys.signerOf(origin), size = 7) =>
  signNote(formatCheckpoint({ origin, size, root: EMPTY_ROOT }), [signer])

test('what bears our signature for this log counts, once, and nothing else does', () => {
  const good = note(OURS)
  const notes = [
    good,
    good,
    '',
    'nonsense',
    note(OTHER),
    note(OTHER, keys.signerOf(OURS)),
    note(OURS, testKeys('a.test').signerOf(OURS)),
    good.replace('\n7\n', '\n8\n'),
  ]
  expect(ownNotes(notes, ours)).toEqual([{ origin: OURS, size: 7, root: Buffer.from(EMPTY_ROOT), note: good }])
})
