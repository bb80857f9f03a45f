// The API's page: Swagger UI with this site's document, in the colours that the reader prefers.
"use strict";

const site = new URL(".", window.location.href).href;
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function followScheme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

followScheme();
dark.addEventListener("change", followScheme);
document.querySelectorAll(".site").forEach((node) => { node.textContent = site; });
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // nothing of another site
});
