/// The files of `Resources`, which are compiled into the library.
enum Resource {
  static var page: String { String(decoding: PackageResources.page_mustache, as: UTF8.self) }
  static var style: String { String(decoding: PackageResources.style_css, as: UTF8.self) }
  static var script: String { String(decoding: PackageResources.report_js, as: UTF8.self) }
  static var render: String { String(decoding: PackageResources.render_py, as: UTF8.self) }
}
