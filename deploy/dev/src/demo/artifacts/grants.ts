import { fedctl, type Side } from '../fedctl.ts'
import { must, type Look } from './artifact.ts'

export type GrantJson = {
  readonly id: string
  readonly resource_kind: string
  readonly scopes: readonly string[]
  readonly remote_subject: string
  readonly issued_at: string
  readonly expires_at: string
  readonly status: string
}
type Grants = { readonly grants: readonly GrantJson[] }
type Capabilities = { readonly capabilities: readonly { readonly resource_kind: string }[] }

export const givenBy = async (side: Side, signal: AbortSignal): Promise<readonly GrantJson[]> =>
  (await fedctl<Grants>(side, ['grant', 'list', '--status', 'active'], signal)).grants

export const receivedBy = async (side: Side, peer: string, signal: AbortSignal): Promise<readonly GrantJson[]> =>
  (await fedctl<Grants>(side, ['grant', 'received', '--peer', peer], signal)).grants.filter(
    ({ status }) => status === 'active',
  )

export const capabilitiesAt = async (side: Side, peer: string | undefined, signal: AbortSignal): Promise<string[]> => {
  const of = peer === undefined ? [] : ['--peer', peer]
  const { capabilities } = await fedctl<Capabilities>(side, ['capability', 'list', ...of], signal)
  return capabilities.map(({ resource_kind }) => resource_kind).toSorted()
}

/** Neither lets the other do anything, and nothing travels by itself. */
export async function nothingGiven({ world: { a, stop, inside }, child }: Look): Promise<string> {
  const atA = (await fedctl<Grants>(a, ['grant', 'list', '--peer', child.peer_id, '--status', 'active'], stop)).grants
  const mirrored = await receivedBy(a, child.peer_id, stop)
  const atChild = inside ? await givenBy(inside, stop) : []
  must(atA.length + mirrored.length + atChild.length === 0, 'there is a grant, and there should be none')
  const capabilities = await capabilitiesAt(a, child.peer_id, stop)
  must(capabilities.length === 0, `${capabilities.join(', ')} would travel by itself`)
  return 'no grant in either direction, no capability'
}
