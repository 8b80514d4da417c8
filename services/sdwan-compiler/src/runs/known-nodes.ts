import type { Client } from '@connectrpc/connect'
import { spiffeUri } from '@powernode/identity'
import { CertificateKind, type CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'

/** What is asked of peer-registry. */
export type Authority = Pick<Client<typeof CertificateAuthorityService>, 'listCertificates'>

type Asked = { readonly authority: Authority; readonly trustDomain: string; readonly signal: AbortSignal }

/** Those of these nodes that hold a living certificate of our CA: nobody else is a node of ours. */
export async function knownNodes(
  nodeIds: readonly string[],
  { authority, trustDomain, signal }: Asked,
): Promise<ReadonlySet<string>> {
  const names = new Map(nodeIds.map((name) => [spiffeUri({ trustDomain, kind: 'instance', name }), name]))
  if (names.size === 0) return new Set()
  const asked = { kind: CertificateKind.INSTANCE, spiffeIds: [...names.keys()], pageSize: 1_000 }
  const found = new Set<string>()
  for (let pageToken = ''; ;) {
    const page = await authority.listCertificates({ ...asked, pageToken }, { signal })
    for (const { spiffeId } of page.certificates) found.add(names.get(spiffeId) ?? '')
    if (page.nextPageToken === '' || found.size === names.size) return found
    pageToken = page.nextPageToken
  }
}
