import { create } from '@bufbuild/protobuf'
import {
  PolicyOverrideSchema,
  PolicyPageSchema,
  type PolicyPage,
  type PolicyOverride,
  type PeerResidency,
} from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { sql } from 'kysely'
import { rulesToWire } from '../wire-residency.ts'
import * as regions from './regions.ts'
import * as rules from './residency-rules.ts'
import type { GrantTx } from './tables.ts'

/** So many rows of residencies or overrides are well below what a page may have. */
const ROWS = 1_000

/** What gateways are told of residency: the rules as a whole, then each peer that has a tag or a mode, then overrides. */
export async function* residencyPages(tx: GrantTx, since: bigint | undefined): AsyncGenerator<PolicyPage> {
  if (await wholeChanged(tx, since)) yield await wholePage(tx)
  for (let last = ''; ;) {
    const { page, next } = await residencyPage(tx, since, last)
    if (page) yield page
    if (next === undefined) break
    last = next
  }
  for (let last = ''; ;) {
    const { page, next } = await overridePage(tx, since, last)
    if (page) yield page
    if (next === undefined) break
    last = next
  }
}

/** Everything that decides about residency at this moment, but for overrides: to ask questions of. */
export async function residencyPolicy(tx: GrantTx): Promise<PolicyPage[]> {
  const pages = [await wholePage(tx)]
  for (let last: string | undefined = ''; last !== undefined;) {
    const { page, next }: Part = await residencyPage(tx, undefined, last)
    if (page) pages.push(page)
    last = next
  }
  return pages
}

async function wholeChanged(tx: GrantTx, since: bigint | undefined): Promise<boolean> {
  if (since === undefined) return true
  const { rows } = await sql`
    select 1 from residency_settings where epoch > ${since.toString()}`.execute(tx)
  return rows.length > 0
}

async function wholePage(tx: GrantTx): Promise<PolicyPage> {
  const [settings, all, known] = [await rules.settings(tx), await rules.all(tx), await regions.all(tx)]
  return create(PolicyPageSchema, {
    residencyRules: rulesToWire({ settings, rules: all, regions: [...known.values()] }),
  })
}

/** A page of rows after one, by id; and the last of them, when there may be more. */
type Part = { readonly page: PolicyPage | undefined; readonly next: string | undefined }

async function residencyPage(tx: GrantTx, since: bigint | undefined, last: string): Promise<Part> {
  const isMeant = since === undefined ? sql`(tag is not null or mode <> '')` : sql`epoch > ${since.toString()}`
  const { rows } = await sql<Omit<PeerResidency, '$typeName' | '$unknown'>>`
    select peer_id as "peerId", coalesce(tag, '') as tag, mode, located from peer_residency
    where ${isMeant} and ${afterId('peer_id', last)} order by peer_id limit ${ROWS}`.execute(tx)
  const isHeld = ({ tag, mode }: { tag: string; mode: string }) => tag !== '' || mode !== ''
  const page = create(PolicyPageSchema, {
    residencies: rows.filter(isHeld),
    removedResidencyPeerIds: rows.filter((row) => !isHeld(row)).map(({ peerId }) => peerId),
  })
  return partOf(page, rows.map(({ peerId }) => peerId)) // prettier-ignore
}

async function overridePage(tx: GrantTx, since: bigint | undefined, last: string): Promise<Part> {
  const isMeant = since === undefined ? sql`withdrawn_at is null` : sql`epoch > ${since.toString()}`
  const { rows } = await sql<OverrideRow>`
    select id, peer_id as "peerId", resource_kind as "resourceKind", resource_id as "resourceId",
      floor(extract(epoch from expires_at) * 1000)::float8 as "expiresAtMs", withdrawn_at is null as "isOpen"
    from residency_override where ${isMeant} and ${afterId('id', last)} order by id limit ${ROWS}`.execute(tx)
  const page = create(PolicyPageSchema, {
    overrides: rows.filter(({ isOpen }) => isOpen).map(toOverride),
    removedOverrideIds: rows.filter(({ isOpen }) => !isOpen).map(({ id }) => id),
  })
  return partOf(page, rows.map(({ id }) => id)) // prettier-ignore
}

type OverrideRow = {
  readonly id: string
  readonly peerId: string
  readonly resourceKind: string
  readonly resourceId: string
  readonly expiresAtMs: number
  readonly isOpen: boolean
}

const toOverride = ({ id, peerId, resourceKind, resourceId, expiresAtMs }: OverrideRow): PolicyOverride =>
  create(PolicyOverrideSchema, { id, peerId, resourceKind, resourceId, expiresAtMs })

const afterId = (column: 'id' | 'peer_id', last: string) =>
  last === '' ? sql`true` : sql`${sql.ref(column)} > ${last}`

function partOf(page: PolicyPage, ids: readonly string[]): Part {
  return { page: ids.length > 0 ? page : undefined, next: ids.length === ROWS ? ids.at(-1) : undefined }
}
