/** The browser's own time zone is the best first guess. */
for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("[data-zone]"))) {
  if (field.value === "UTC") field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
}
