export { forAgents, openVitals, VITALS_CALLERS, type Vitals, type VitalsParts } from './vitals.ts'
