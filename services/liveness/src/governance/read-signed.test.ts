import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { createClient, createRouterTransport } from '@connectrpc/connect'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { partly } from '@powernode/rpc/testing'
import { expect, test } from 'vitest'
import { ahead, aPeer, NOW } from '../findings/testing.ts'
import { readSigned } from './read-signed.ts'

test('a peer that had hundreds of certificates signed does not hide that of another', async () => {
  const [greedy, modest] = [aPeer({ signedByUs: true }), aPeer({ signedByUs: true })]
  const owners = [...Array.from({ length: 1_200 }, () => greedy.peerId), modest.peerId]
  const notAfter = timestampFromDate(ahead(86_400_000))
  const transport = createRouterTransport(({ service }) =>
    service(
      CertificateAuthorityService,
      partly(CertificateAuthorityService, {
        getAuthority: () => ({ trustDomain: 'a.example' }),
        listCertificates({ pageSize, pageToken }) {
          const from = Number(pageToken || 0)
          const certificates = owners
            .slice(from, from + pageSize)
            .map((peerId, at) => ({ serial: String(from + at), peerId, notAfter }))
          return { certificates, nextPageToken: from + pageSize < owners.length ? String(from + pageSize) : '' }
        },
      }),
    ),
  )
  const authority = createClient(CertificateAuthorityService, transport)
  const signed = await readSigned(authority, [greedy, modest], { now: NOW, signal: AbortSignal.timeout(60_000) })
  expect([signed.get(greedy.peerId)?.length, signed.get(modest.peerId)?.length]).toEqual([1_200, 1])
})
