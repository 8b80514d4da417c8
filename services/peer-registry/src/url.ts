import { Refusal } from '@powernode/rpc'

/** A peer's address: https, a host, no credentials, no path beyond a slash. Where it resolves to is judged when it is dialled. */
export function checkPeerUrl(said: string): string {
  const problem = peerUrlProblem(said)
  if (problem)
    throw new Refusal('URL_INVALID', `${JSON.stringify(said)} cannot be a peer's URL: ${problem}`, {
      next: 'give the URL of its federation-gateway, for example https://federation.example.org:8443',
    })
  return URL.parse(said)?.origin ?? ''
}

/** Why a text is no such address; undefined when it is one. */
export function peerUrlProblem(said: string): string | undefined {
  const url = URL.parse(said)
  return !url
    ? 'it is not a URL'
    : url.protocol !== 'https:'
      ? `it begins with ${url.protocol}//; nothing between platforms goes in plain text`
      : url.username || url.password
        ? 'it carries a user name or a password'
        : url.pathname !== '/' || url.search || url.hash
          ? 'it has a path; a gateway is a host and a port'
          : undefined
}
