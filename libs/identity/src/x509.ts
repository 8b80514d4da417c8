// The one way into @peculiar/x509: it needs reflect-metadata loaded before it, and does not load it itself.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

export { x509 }
