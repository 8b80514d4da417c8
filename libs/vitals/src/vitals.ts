import { readFileSync } from 'node:fs'
import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Clock } from '@powernode/clock'
import {
  GetVitalsResponseSchema,
  VitalsService,
  type GetVitalsResponse,
} from '@powernode/proto/powernode/vitals/v1/service_pb.ts'
import { callerOf, isAgent, mount, type CallersTable, type Mount } from '@powernode/rpc'
import { certificateVitals } from './certificate.ts'
import { diskVitals, type Disk } from './disks.ts'
import { databaseQuestions, type Database } from './database.ts'
import { newsVitals, type News } from './news.ts'
import { oneAtATime } from './in-time.ts'

/** Who may ask a process how it is. */
export const VITALS_CALLERS = {
  getVitals: ['service/liveness', 'system.federation.read'],
} as const satisfies CallersTable<typeof VitalsService>

export type VitalsParts<DB> = {
  readonly name: string
  readonly clock: Clock
  /** The identity's files. */
  readonly tlsDir: string
  readonly database?: Database<DB>
  /** What it announces and hears; its database holds the outbox. */
  readonly news?: News
  /** Beside the disk that the identity lies on. */
  readonly disks?: readonly Disk[]
}

export type Vitals = {
  readonly mount: Mount
  /** For `keepIdentity`. */
  readonly onRenewal: (error: unknown) => void
}

/** No part is waited for longer: that it does not answer is what was to be found out. */
const PART_MS = 2_000

const VERSION = readVersion()

/**
 * How a process of ours is, told by itself to whoever keeps the platform. Each part says what it can: one that fails, or does not
 * answer in time, is told as that, and the others all the same. Whoever asks while an answer is being made gets the same one.
 */
export function openVitals<DB>(parts: VitalsParts<DB>): Vitals {
  const { name, clock, tlsDir } = parts
  const startedAt = timestampFromDate(clock.now())
  const certificate = certificateVitals(tlsDir)
  const questions = parts.database && databaseQuestions(parts.database, clock)

  async function read(): Promise<GetVitalsResponse> {
    const patience = { clock, withinMs: PART_MS }
    const [database, outbox, heard, disks] = await Promise.all([
      questions?.vitals(patience),
      parts.news && questions?.outbox(patience),
      parts.news && newsVitals(parts.news, questions, patience),
      diskVitals([{ path: tlsDir, what: 'its identity' }, ...(parts.disks ?? [])], patience),
    ])
    return create(GetVitalsResponseSchema, {
      service: name,
      version: VERSION,
      startedAt,
      now: timestampFromDate(clock.now()),
      certificate: certificate.read(),
      disks,
      ...(database && { database: { ...database, detail: database.detail || outboxFault(outbox?.fault) } }),
      ...(outbox?.told && { outbox: outbox.told }),
      ...heard,
    })
  }

  const readOnce = oneAtATime(read)
  const getVitals = async (_request: unknown, context: Parameters<typeof callerOf>[0]) => {
    const vitals = await readOnce()
    return isAgent(callerOf(context)) ? forAgents(vitals) : vitals
  }
  return { mount: mount(VitalsService, { getVitals }, VITALS_CALLERS), onRenewal: certificate.onRenewal }
}

/** Where on our machines something lies is for people: a program that acts on its own has no use for it but a bad one. */
export const forAgents = ({ certificate, disks, ...vitals }: GetVitalsResponse): GetVitalsResponse => ({
  ...vitals,
  disks: disks.map((disk) => ({ ...disk, path: '' })),
  ...(certificate && { certificate: { ...certificate, renewalError: withoutPaths(certificate.renewalError) } }),
})

const withoutPaths = (text: string): string => text.replaceAll(/(?:\/[^\s/:;,'"]+)+\//g, '')

/** A database that answers, but not about the outbox, is not well either. */
const outboxFault = (fault = ''): string => (fault === '' ? '' : `the outbox cannot be read: ${fault}`)

/** Of the release that this process runs: all its packages have one. */
function readVersion(): string {
  const read: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  const isVersioned = typeof read === 'object' && read !== null && 'version' in read
  return isVersioned && typeof read.version === 'string' ? read.version : ''
}
