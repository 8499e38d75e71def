/** RFC 9111, section 5.5, as Kubernetes uses it: apimachinery, pkg/util/net/http.go, NewWarningHeader. */
const WARNING = /^299 \S+ "((?:[^"\\]|\\.)*)"/;

/** The texts of Warning headers, one in each; they are UTF-8, which Node reads as Latin-1. */
export function warningTexts(headers: readonly string[] = []): string[] {
  return headers.flatMap((header) => {
    const [, quoted] = WARNING.exec(Buffer.from(header, 'latin1').toString('utf8')) ?? [];
    return quoted === undefined ? [] : [quoted.replace(/\\(.)/g, '$1')];
  });
}
