import { LongText } from "../parts/LongText";

/** Plain data of a kind that this page does not know: as it is. */
export function Data({ data }: { data: Record<string, unknown> }) {
  return <LongText text={JSON.stringify(data, null, 2)} name="the panel's data" />;
}
