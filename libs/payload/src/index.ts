export {
  entriesOf,
  PAYLOAD_KEYS,
  payloadFrom,
  PayloadBroken,
  problemsOfTemplate,
  trustDomainFor,
  withoutToken,
  type Payload,
  type PayloadKey,
} from './payload.ts'
export { FW_CFG_ROOT, PAYLOAD_FILE, readPayload, type Places } from './read-payload.ts'
export { forgetToken } from './forget-token.ts'
export { pathOf, writePayload } from './write-payload.ts'
