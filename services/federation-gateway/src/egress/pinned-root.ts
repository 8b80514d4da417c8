import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { caPinMatches, checkRootProfile } from '@powernode/identity'
import type { Clock } from '@powernode/clock'
import { Refusal } from '@powernode/rpc'
import { NotConnected } from './road.ts'

type Where = {
  readonly address: string
  readonly port: number
  readonly serverName: string
  readonly timeoutMs: number
}

/**
 * Finds the root certificate that an invitation pinned, in the chain a server shows.
 *
 * Nothing is sent on this connection, nor believed: it only fetches a certificate that the pin already names by its
 * SHA-256. The connection that matters is made afterwards, with that root as the only authority.
 */
export async function pinnedRoot(where: Where, pin: Uint8Array, clock: Clock): Promise<Buffer> {
  const wanted = Buffer.from(pin).toString('hex')
  const shown = await shownChain(where, clock)
  const root = shown.find((der) => caPinMatches(der, wanted))
  if (!root) {
    throw new Refusal('CA_PIN_MISMATCH', 'no certificate the server showed is the one the invitation pins', {
      metadata: { pin: wanted, shown: String(shown.length) },
      next: 'ask the inviting platform whether its CA was replaced; a new invitation carries the new pin',
    })
  }
  const profile = checkRootProfile(root, { now: clock.now() })
  if (!profile.ok) throw new Refusal('CA_PIN_MISMATCH', `the pinned certificate is not a root: ${profile.detail}`)
  return root
}

async function shownChain({ address, port, serverName, timeoutMs }: Where, clock: Clock): Promise<Buffer[]> {
  const settled = new AbortController()
  const { promise, resolve, reject } = Promise.withResolvers<Buffer[]>()
  const socket: TLSSocket = connect(
    {
      host: address,
      port,
      servername: serverName,
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.3',
      rejectUnauthorized: false, // looked at, not trusted: see above
    },
    () => resolve(chainOf(socket.getPeerCertificate(true))),
  )
  socket.once('error', (cause) => reject(new NotConnected('the connection failed', { cause })))
  socket.once('close', () => reject(new NotConnected('the server closed the connection')))
  void clock
    .sleep(timeoutMs, settled.signal)
    .then(() => reject(new NotConnected(`no connection within ${timeoutMs} ms`)))
  try {
    return await promise
  } finally {
    settled.abort()
    socket.end()
    socket.setTimeout(LINGER_MS, () => socket.destroy())
  }
}

/** A server that does not return our goodbye is left after so long. */
const LINGER_MS = 1_000

/** More than any chain of ours has; a loop of issuers ends here. */
const LONGEST_CHAIN = 8

/** What a server showed, leaf first, as far as one leads to the next. */
export function chainOf(leaf: DetailedPeerCertificate): Buffer[] {
  const chain: Buffer[] = []
  for (
    let at: DetailedPeerCertificate | undefined = leaf;
    at && chain.length < LONGEST_CHAIN;
    at = at.issuerCertificate
  ) {
    if (!Buffer.isBuffer(at.raw) || chain.some((der) => der.equals(at?.raw ?? EMPTY))) break
    chain.push(at.raw)
  }
  return chain
}

const EMPTY = Buffer.alloc(0)
