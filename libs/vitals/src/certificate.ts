import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { readTlsFiles, spiffeUri, type TlsMaterial } from '@powernode/identity'
import { CertificateVitalsSchema, type CertificateVitals } from '@powernode/proto/powernode/vitals/v1/service_pb.ts'
import { lineOf } from './in-time.ts'

/**
 * The identity that a process goes by, and why it cannot have a newer one: its last attempt to renew it failed, or what lies
 * in its folder is not whole. The last whole one goes on being used then, as servers and clients do.
 */
export function certificateVitals(dir: string): {
  readonly read: () => CertificateVitals
  readonly onRenewal: (error: unknown) => void
} {
  let whole: TlsMaterial | undefined
  let renewalError = ''

  function read(): CertificateVitals {
    let broken = ''
    try {
      whole = readTlsFiles(dir)
    } catch (error) {
      broken = lineOf(error)
    }
    return create(CertificateVitalsSchema, {
      renewalError: broken || renewalError,
      ...(whole && {
        spiffeId: spiffeUri(whole.spiffeId),
        issuedAt: timestampFromDate(whole.notBefore),
        expiresAt: timestampFromDate(whole.notAfter),
      }),
    })
  }

  read() // so that there is a whole one to tell of when the files break later
  return { read, onRenewal: (error) => (renewalError = error === undefined ? '' : lineOf(error)) }
}
