SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  docExpansion: "none",
  filter: true,
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
});
