import { hash } from 'node:crypto'
import { addSignatures, NoteFlaw, parseAddCheckpoint, type AddCheckpoint } from '@powernode/tlog'
import type { HttpAnswer, HttpRoute } from '../http/route.ts'
import type { LedgerKeys } from '../ledger-keys.ts'
import { cosignatureOf } from '../cosign.ts'
import { readWitnessed } from '../operations/witness/read-witnessed.ts'
import { witnessCheckpoint, type WitnessOutcome } from '../operations/witness/witness-checkpoint.ts'
import { openCheckpoint } from '../peer-checkpoint.ts'
import type { PeerKeys } from '../peer-keys.ts'
import { actForPeer, type PeerDoorDeps } from '../rpc/peer-turns.ts'
import * as witnessedKeys from '../store/witnessed-keys.ts'

export type WitnessHttpDeps = PeerDoorDeps & { readonly keys: LedgerKeys }

/** They take turns as if they were one peer. */
const STRANGERS = 'strangers'

/** 63 hashes, a checkpoint with a hundred signatures, and room. */
const BODY_MAX_BYTES = 65_536

/**
 * C2SP tlog-witness, so that anything which speaks it can have peers' logs cosigned by us, or ask what we have cosigned.
 *
 * Anybody may submit: what a log signed is no secret, and nothing but its signature and the proof decides. Submission
 * prefix and monitoring prefix are `<address>/witness`.
 */
export function witnessRoutes(deps: WitnessHttpDeps): readonly HttpRoute[] {
  return [
    {
      method: 'POST',
      path: '/witness/add-checkpoint',
      open: true,
      bodyMaxBytes: BODY_MAX_BYTES,
      answer: async ({ body }) => {
        try {
          return await submit(deps, parseAddCheckpoint(utf8.decode(body)))
        } catch (error) {
          if (error instanceof NoteFlaw || error instanceof TypeError)
            return text(400, 'this is no add-checkpoint request')
          throw error
        }
      },
    },
    {
      method: 'GET',
      path: '/witness/',
      open: true,
      bodyMaxBytes: 0,
      answer: ({ rest }) => monitor(deps, rest),
    },
  ]
}

/** Bytes that are no UTF-8 are a TypeError, not a replacement character. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

async function submit(deps: WitnessHttpDeps, said: AddCheckpoint): Promise<HttpAnswer> {
  const act = actForPeer(deps, STRANGERS)
  const [origin = ''] = said.checkpoint.split('\n', 1)
  const candidates = await act((tx) => witnessedKeys.byOrigin(tx, sha256(origin)))
  const known = ownerOf(candidates, said.checkpoint)
  if (!known) return text(404, 'the log is not known here')
  const { checkpoint: note, oldSize, proof } = said
  const submitted = { keys: known, note, oldSize, proof, byPeer: false }
  const outcome = await act((tx, now) => witnessCheckpoint(tx, now, submitted))
  if (outcome.kind !== 'witnessed') return refused(outcome, oldSize)
  return { status: 200, headers: PLAIN, body: cosignatureOf(outcome.note, deps.keys.cosignerAt(outcome.at.getTime())) }
}

/** Whose log it is: of several that claim the origin, the one whose key has signed. */
function ownerOf(candidates: readonly PeerKeys[], note: string): PeerKeys | undefined {
  return candidates.find((keys) => 'checkpoint' in openCheckpoint(note, keys)) ?? candidates[0]
}

function refused(outcome: Exclude<WitnessOutcome, { kind: 'witnessed' }>, oldSize: number): HttpAnswer {
  switch (outcome.kind) {
    case 'flawed':
      return outcome.flaw === 'malformed'
        ? text(400, outcome.detail)
        : text(403, 'no key that is trusted for this log has signed the checkpoint')
    case 'backwards':
      return text(400, 'the old size is above the size of the checkpoint')
    case 'often':
      return text(503, 'too many checkpoints of this log; try again')
    case 'inconsistent':
      return text(422, outcome.detail)
    case 'conflict':
      return sizeIs(outcome.size)
    default:
      // Evidence of a fork, and kept as such; the caller is told what the protocol has for it.
      return oldSize === outcome.lastSize ? text(422, outcome.alarm.detail) : sizeIs(outcome.lastSize)
  }
}

/** `GET <sha256 of the origin>/checkpoint`: what we have cosigned last, with the cosignature that we gave for it. */
async function monitor(deps: WitnessHttpDeps, rest: string): Promise<HttpAnswer> {
  const [, digest] = /^([0-9a-f]{64})\/checkpoint$/.exec(rest) ?? []
  if (digest === undefined) return text(404, 'there is nothing here')
  const said = { originSha256: Buffer.from(digest, 'hex') }
  const found = await actForPeer(deps, STRANGERS)((tx, now) => readWitnessed(tx, now, said))
  if (!found) return text(404, 'nothing of this log was cosigned here')
  const lines = cosignatureOf(found.note, deps.keys.cosignerAt(found.at.getTime())).trimEnd().split('\n')
  return { status: 200, headers: PLAIN, body: addSignatures(found.note, lines) }
}

const PLAIN = { 'content-type': 'text/plain; charset=utf-8' }

const text = (status: number, said: string): HttpAnswer => ({ status, headers: PLAIN, body: `${said}\n` })

const sizeIs = (size: number): HttpAnswer => ({
  status: 409,
  headers: { 'content-type': 'text/x.tlog.size' },
  body: `${size}\n`,
})

const sha256 = (said: string): Buffer => hash('sha256', said, 'buffer')
