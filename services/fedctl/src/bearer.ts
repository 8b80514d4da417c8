import type { Environment } from './environment.ts'
import { usage } from './problem.ts'

/** The header in which our gateway takes the bearer to be shown to a peer. */
const GRANT_HEADER = 'powernode-grant'
/** The header that names the peer to be called: our own id of it. */
const PEER_HEADER = 'powernode-peer-id'
/** For which node of ours, and over which network of theirs: a grant may be for certain ones only. */
const NODE_HEADER = 'powernode-node-instance'
const NETWORK_HEADER = 'powernode-sdwan-network'
const BEARER = /^fg-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[A-Za-z0-9_-]{43}$/

/**
 * What our gateway is told beside a call to a peer: whom, and with which grant.
 *
 * Without a bearer the gateway takes one of those the peer gave us. A bearer MUST NOT be repeated in a message.
 */
export function callHeaders(peerId: string, { grant, node, network }: Shown, env: Environment): { headers: Headers } {
  const headers = new Headers({ [PEER_HEADER]: peerId })
  const bearer = bearerFrom(grant, env)
  if (bearer !== undefined) headers.set(GRANT_HEADER, bearer)
  if (node !== undefined) headers.set(NODE_HEADER, node)
  if (network !== undefined) headers.set(NETWORK_HEADER, network)
  return { headers }
}

/** What is shown to a peer beside the request. */
export type Shown = {
  readonly grant?: string | undefined
  readonly node?: string | undefined
  readonly network?: string | undefined
}

/** From stdin, the environment, or the command line of somebody who insists, in this order of preference. */
function bearerFrom(given: string | undefined, env: Environment): string | undefined {
  const bearer = (given === '-' ? env.readInput() : (given ?? env.grant))?.trim()
  if (bearer === undefined || BEARER.test(bearer)) return bearer
  throw usage('that is no bearer of a grant', 'it looks like fg-<grant id>.<secret>; pipe it in: … --grant -')
}

/** A bearer as it may be shown again: which grant, and nothing of the secret. */
export const shortBearer = (text: string): string =>
  text.replaceAll(/\bfg-([0-9a-f]{8})[0-9a-f-]{28}\.[A-Za-z0-9_-]{43}/g, 'fg-$1…')
